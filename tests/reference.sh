#!/usr/bin/env bash
# Makes .venv-reference with the PyTorch that tests and benchmarks compare with; with --models also the model packages.
# Some gigabytes: PyPI's PyTorch for Linux comes with CUDA.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
packages=(torch==2.15.0 numpy==2.4.6 safetensors==0.8.0)
imports="torch, numpy, safetensors"
if [ "${1:-}" = --models ]; then
  packages+=(segmentation-models-pytorch==0.6.0 timm==1.0.31 torchvision==0.29.2)
  imports+=", segmentation_models_pytorch, timm, torchvision"
fi
if .venv-reference/bin/python -c "import $imports" 2>/dev/null; then
  echo ".venv-reference is there already"
  exit
fi
python3 -m venv .venv-reference
.venv-reference/bin/pip install --quiet --disable-pip-version-check "${packages[@]}"
echo ".venv-reference has $(.venv-reference/bin/python -c 'import torch; print("PyTorch", torch.__version__)')"
