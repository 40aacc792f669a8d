#!/usr/bin/env bash
# Every check of an installed checkout; the closing lines of the tests come last. Steps that share compiled code follow
# each other: both runs of clippy and the docs read metadata, the tests and doctests link.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

LOGS="$ROOT/target/check"
mkdir -p "$LOGS"

# logged NAME COMMAND...: run it, its output both shown and kept.
logged() {
  local name="$1"
  shift
  "$@" 2>&1 | tee "$LOGS/$name.log"
}

real_data() {
  local data="${TGS_SALT_DATA:-$ROOT/../shared/data/tgs-salt}"
  if [ -f "$data/train.csv" ]; then
    echo "real data: there"
  elif [ "${CI:-}" = true ]; then
    die "the competition data is not in $data; in CI the tests on real data must run"
  else
    echo "real data: not in $data, tests on it are skipped (set TGS_SALT_DATA to its folder)"
  fi
}

# In CI layers and networks have to be compared with PyTorch; elsewhere where it is there.
reference() {
  if [ "${CI:-}" = true ]; then
    [ -n "${TGS_SALT_TORCH_PYTHON:-}" ] || bash tests/reference.sh --models
  else
    echo "PyTorch: used where it is found; 'bash tests/reference.sh --models' installs it (some gigabytes)"
  fi
}

unit_tests() {
  if has cargo-nextest; then logged tests cargo nextest run; else logged tests cargo test --lib --tests; fi
}

docs() { RUSTDOCFLAGS="-D warnings" cargo doc --no-deps; }

# Licences and sources from Cargo.lock; advisories only where their list can be fetched.
dependencies() {
  has cargo-deny || { echo "cargo-deny is not installed: skipped"; return; }
  local config=environment/deny.toml
  cargo deny check --config "$config" bans licenses sources
  if cargo deny fetch --config "$config" db >/dev/null 2>&1; then
    cargo deny check --config "$config" --disable-fetch advisories
  else
    echo "the list of advisories cannot be fetched: skipped"
  fi
}

closing_lines() {
  printf '\n== the tests closed with\n'
  grep -hE 'Summary \[|test result:' "$LOGS/tests.log" "$LOGS/doctests.log"
  tail -1 "$LOGS/notebooks.log"
}

start=$SECONDS
step "real data" real_data
step "format" cargo fmt --check
step "clippy" cargo clippy --all-targets -- -D warnings
step "documentation" docs
step "without default features" cargo clippy --no-default-features -- -D warnings
step "dependencies" dependencies
step "reference" reference
step "tests" unit_tests
step "doctests" logged doctests cargo test --doc
step "notebooks" logged notebooks "$VENV/bin/python" tests/notebooks.py
closing_lines
printf 'every check passed in %d s\n' $((SECONDS - start))
