#!/usr/bin/env bash
# Runs the unit tests of src/nn/cuda without a GPU, on an emulated driver, NVRTC and cuDNN. Needs g++ and the CUDA headers
# and libraries that `--features cuda` is built with (CUDA_HOME).
# Usage: run.sh [arguments of cargo test ...]; CUDA_TESTS narrows the tests
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
binary=$(cargo test --lib --no-run --features cuda --message-format=json "$@" |
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
kernels=src/nn/cuda/kernels

sed -n 's/^extern "C" __global__ void \([a-z0-9_]*\)(.*/KERNEL(\1)/p' "$kernels"/*.cu > "$out/kernels.inc"
for type in F32 BF16; do
  for lanes in 1 4; do
    g++ -std=c++17 -O1 -w -shared -fPIC -I"$kernels" -I"$out" -D$type -DV=$lanes tests/cuda_emulator/variant.cpp \
      -o "$out/variant_${type}_$lanes.so"
  done
done
for part in driver cudnn; do
  g++ -std=c++17 -O1 -w -fPIC -I"$CUDA_HOME/include" -c "tests/cuda_emulator/$part.cpp" -o "$out/$part.o"
done
# What the binary asks for and nothing above defines fails when it is called.
nm "$out/driver.o" "$out/cudnn.o" | sed -n 's/.* T //p' | sort -u > "$out/defined"
nm -D --undefined-only "$binary" | sed -n 's/.* U \(\(cu\|nvrtc\|cublas\|curand\|cudnn\)[A-Za-z0-9_]*\).*/\1/p' |
  grep -v '^cuda' | sort -u | comm -23 - "$out/defined" | sed 's/.*/int &(void){return 999;}/' > "$out/rest.c"
gcc -w -fPIC -c "$out/rest.c" -o "$out/rest.o"
g++ -shared "$out"/{driver,cudnn,rest}.o -ldl -o "$out/libemulated.so"
for name in libcuda.so.1 libnvrtc.so.{12,13} libcublas.so.{12,13} libcublasLt.so.{12,13} libcurand.so.10 libcudnn.so.9; do
  ln -s libemulated.so "$out/$name"
done
# The wrong symbol versions are only remarked on.
CUDA_EMULATOR=$out LD_LIBRARY_PATH=$out:$CUDA_HOME/lib "$binary" "${CUDA_TESTS:-cuda::}" --test-threads=1 2> >(grep -v "no version information" >&2)
