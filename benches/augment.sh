#!/usr/bin/env bash
# Augmentation beside albumentations, on one core each, in turn, medians at the end.
#   bash benches/augment.sh [rounds]     (default 5; PROFILE=dev, the profile of a notebook, is the default)
# The Python packages go into a virtual environment of their own, outside the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rounds=${1:-5}
python=${AUGMENT_PYTHON:-${TMPDIR:-/tmp}/tgs_salt-augment/bin/python}
if [ ! -x "$python" ]; then
    echo "installing albumentations into $(dirname "$(dirname "$python")")"
    python3 -m venv "$(dirname "$(dirname "$python")")"
    "$python" -m pip install --quiet albumentations==2.0.8
fi
ours=$(cargo bench --profile "${PROFILE:-dev}" --bench augment --no-run --message-format json |
    python3 -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("target", {}).get("name") == "augment" and message.get("executable"):
        print(message["executable"])')
results=$(mktemp)
trap 'rm -f "$results"' EXIT
for _ in $(seq "$rounds"); do
    for kind in float32 uint8; do
        "$python" benches/augment.py "$kind" | sed "s/^/$kind /" >>"$results"
    done
    RAYON_NUM_THREADS=1 "$ours" | sed 's/^/ours /' >>"$results"
done
"$python" benches/augment.py --report <"$results"
