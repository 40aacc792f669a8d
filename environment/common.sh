# Sourced by the scripts beside it: the repository root, the tools on the PATH, and a step that says what it does and for how long.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="$ROOT/.venv"
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
cd "$ROOT"

# die WHAT_TO_DO: one line, then out.
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# has TOOL: is it on the PATH?
has() { command -v "$1" >/dev/null 2>&1; }

# step NAME COMMAND...: announce, run, say how long it took. A failure ends the script and names the step.
step() {
  local start=$SECONDS
  STEP="$1"
  shift
  printf '\n== %s\n' "$STEP"
  "$@" # plain, since bash ignores -e inside a command that is tested
  printf '== %s: %d s\n' "$STEP" $((SECONDS - start))
  STEP=
}
STEP=
trap 'status=$?; [ $status -eq 0 ] || [ -z "$STEP" ] || echo "error: $STEP failed, its output is above" >&2' EXIT
