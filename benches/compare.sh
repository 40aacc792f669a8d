#!/usr/bin/env bash
# The engine beside PyTorch, and stock candle for reference: prints ratios, writes benches/results.md.
#   bash benches/compare.sh [--quick] [--rounds N] [--only networks|encoders|operations|growth|stock] [--output FILE]
# PyTorch comes from TGS_SALT_TORCH_PYTHON, else from .venv-reference, else from python3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${TGS_SALT_TORCH_PYTHON:-.venv-reference/bin/python}
[ -x "$python" ] || python=python3
if ! "$python" -c 'import segmentation_models_pytorch, torch'; then
    echo "$python has no PyTorch with segmentation_models_pytorch: run 'bash tests/reference.sh --models', or set TGS_SALT_TORCH_PYTHON" >&2
    exit 1
fi
# The profile with which a notebook builds the crate.
build() {
    cargo bench --no-default-features --profile dev --bench "$1" --no-run --message-format json |
        python3 -c 'import json, sys
messages = map(json.loads, sys.stdin)
print(*(m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == sys.argv[1]))' "$1"
}
engine=$(build engine)
stock=$(build stock_candle)
exec "$python" benches/compare.py --engine "$engine" --stock "$stock" "$@"
