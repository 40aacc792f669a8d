#!/usr/bin/env bash
# Opening, decoding and encoding beside a plain pandas + Pillow + numpy script, in turn, medians at the end.
#   bash benches/data.sh [rounds]     (default 7; PROFILE=dev, the profile of a notebook, is the default)
# The Python packages go into a virtual environment of their own, outside the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rounds=${1:-7}
data=${TGS_SALT_DATA:-../shared/data/tgs-salt}
python=${PLAIN_PYTHON:-${TMPDIR:-/tmp}/tgs_salt-plain/bin/python}
if [ ! -x "$python" ]; then
    echo "installing pandas, Pillow and numpy into $(dirname "$(dirname "$python")")"
    python3 -m venv "$(dirname "$(dirname "$python")")"
    "$python" -m pip install --quiet pandas pillow numpy
fi
ours=$(cargo bench --no-default-features --profile "${PROFILE:-dev}" --bench data --no-run --message-format json |
    python3 -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("target", {}).get("name") == "data" and message.get("executable"):
        print(message["executable"])')
results=$(mktemp)
trap 'rm -f "$results"' EXIT
export TGS_SALT_DATA=$data
# A round before the first puts the files into memory for both.
for round in $(seq 0 "$rounds"); do
    "$python" benches/data.py "$data" | sed 's/^/plain /' >"$results.round"
    "$ours" | sed 's/^/ours /' >>"$results.round"
    if [ "$round" -gt 0 ]; then
        cat "$results.round" >>"$results"
    fi
    rm "$results.round"
done
"$python" -c 'import os, pandas, PIL, numpy; print(f"{os.cpu_count()} cores; pandas {pandas.__version__}, Pillow {PIL.__version__}, numpy {numpy.__version__}")'
"$python" benches/data.py --report <"$results"
