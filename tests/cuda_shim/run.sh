#!/usr/bin/env bash
# Runs every CUDA kernel on the CPU against float64, in four variants, and compiles them by NVRTC where libnvrtc is found
# (LD_LIBRARY_PATH says where). Needs g++ with its sanitizers. About 40 seconds.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kernels=$here/../../src/nn/cuda/kernels
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
# ASan says at each start that it may be wrong about fibers; nothing else is let through.
export ASAN_OPTIONS=detect_stack_use_after_return=0:detect_leaks=0
for variant in "-DV=1" "-DV=4" "-DV=1 -DBF16" "-DV=4 -DBF16"; do
  # shellcheck disable=SC2086
  g++ -std=c++17 -O1 -w -fsanitize=address,undefined -fno-sanitize-recover=undefined -I"$kernels" $variant \
    "$here/kernels.cpp" -o "$out/kernels"
  "$out/kernels" 2> >(grep -v "doesn't fully support makecontext" >&2)
done
g++ -std=c++17 -O1 "$here/nvrtc.cpp" -o "$out/nvrtc" -ldl
"$out/nvrtc" "$kernels"
