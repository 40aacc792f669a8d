#!/usr/bin/env bash
# Sets up what is missing for the notebooks: Rust, Jupyter in .venv, the evcxr kernel, and its first build.
# Needs Python 3 and a C compiler. Changes nothing that is there already; run it again after an update.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

EVCXR_VERSION=0.22.0
RUST_VERSION="$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' Cargo.toml)"

need_tools() {
  has python3 || die "python3 is missing. On Debian or Ubuntu: sudo apt-get install python3 python3-venv"
  has "${CC:-cc}" || die "a C compiler is missing. On Debian or Ubuntu: sudo apt-get install build-essential"
  echo "$(python3 --version), $("${CC:-cc}" --version | head -1)"
}

# rustup's installer, fetched by Python because a bare machine may have neither curl nor wget.
fetch_rust() {
  local installer
  installer="$(mktemp -d)/rustup-init"
  echo "no cargo: installing Rust by rustup"
  python3 - "$installer" <<'PY'
import platform, sys, urllib.request
base = "https://static.rust-lang.org/rustup/dist"
urllib.request.urlretrieve(f"{base}/{platform.machine()}-unknown-linux-gnu/rustup-init", sys.argv[1])
PY
  chmod +x "$installer"
  "$installer" -y --profile minimal --component clippy,rustfmt,rust-src
  rm -r "$(dirname "$installer")"
}

# At least the version that Cargo.toml asks for, and the standard library's source: the kernel infers types from it.
install_rust() {
  has cargo || fetch_rust
  local have
  have="$(rustc --version | cut -d' ' -f2)"
  if [ "$(printf '%s\n' "$RUST_VERSION" "$have" | sort -V | head -1)" != "$RUST_VERSION" ]; then
    has rustup || die "Rust $have is too old, $RUST_VERSION or newer is needed. Install it by https://rustup.rs"
    rustup update stable && rustup default stable
  fi
  if [ ! -e "$(rustc --print sysroot)/lib/rustlib/src/rust/library/core/src/lib.rs" ]; then
    has rustup || die "the source of Rust's standard library is missing. Install the package rust-src of your Rust $have"
    rustup component add rust-src
  fi
  rustc --version
}

# Pinned in requirements.txt; pip runs only when that file is newer than the last run.
install_jupyter() {
  local wanted="environment/requirements.txt" last="$VENV/.requirements"
  if cmp -s "$wanted" "$last"; then
    echo "Jupyter is in .venv already"
    return
  fi
  [ -x "$VENV/bin/pip" ] || python3 -m venv "$VENV" ||
    { rm -rf "$VENV"; die "python3 cannot make a virtual environment. On Debian or Ubuntu: sudo apt-get install python3-venv"; }
  "$VENV/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$last"
}

install_evcxr() {
  if cargo install --list | grep -q "^evcxr_jupyter v$EVCXR_VERSION:"; then
    echo "evcxr_jupyter $EVCXR_VERSION is there already"
  else
    echo "building evcxr_jupyter $EVCXR_VERSION: about 8 minutes on 2 cores, once"
    cargo install --locked --quiet "evcxr_jupyter@$EVCXR_VERSION"
  fi
}

install_kernel() { "$VENV/bin/python" environment/kernel.py --install; }

# The first build of the crate and its dependencies in the kernel's kept folder; later it takes seconds.
warm() { "$VENV/bin/python" environment/measure_startup.py --warm; }

start=$SECONDS
step "Python and C compiler" need_tools
step "Rust" install_rust
step "Jupyter" install_jupyter
step "evcxr kernel" install_evcxr
step "kernel spec" install_kernel
step "first build for notebooks" warm
printf '\nInstalled in %d s. Open the notebooks: .venv/bin/jupyter lab notebooks\n' $((SECONDS - start))
