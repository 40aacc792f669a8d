#!/usr/bin/env bash
# Builds benches/gpu as one file that runs on a machine with an NVIDIA GPU, its driver, and the libraries of CUDA 13 and
# cuDNN 9; says its size and what it links. No GPU is needed here. Usage: gpu.sh [FILE], by default target/gpu
# Building needs the CUDA toolkit, as `--features cuda` does. There: ./gpu, and python3 gpu_torch.py beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
file=${1:-${CARGO_TARGET_DIR:-target}/gpu}
most=$((64 << 20))
# The profile with which a notebook builds the crate.
built=$(cargo bench --no-default-features --features cuda --profile dev --bench gpu --no-run --message-format json |
    python3 -c 'import json, sys
messages = map(json.loads, sys.stdin)
print(*(m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "gpu"))')
strip -o "$file" "$built"
size=$(stat -c %s "$file")
echo "$file: $size bytes"
readelf -d "$file" | grep -E 'NEEDED|R(UN)?PATH'
if [ "$size" -ge "$most" ]; then echo "it is larger than $most bytes" >&2; exit 1; fi
if readelf -d "$file" | grep -qE 'R(UN)?PATH'; then echo "it looks for libraries at a place of this machine" >&2; exit 1; fi
