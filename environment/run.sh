#!/usr/bin/env bash
# Installs what is missing, executes the quickstart in place and says where its results are.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

NOTEBOOK=notebooks/01_quickstart.ipynb
SUBMISSION=notebooks/submission.csv

quickstart() {
  rm -f "$SUBMISSION"
  "$VENV/bin/python" tests/notebooks.py --in-place "$NOTEBOOK"
  [ -s "$SUBMISSION" ] || die "$NOTEBOOK ran but wrote no $SUBMISSION"
}

bash environment/install.sh
step "quickstart" quickstart
echo
echo "executed notebook: $ROOT/$NOTEBOOK"
echo "submission:        $ROOT/$SUBMISSION ($(($(wc -l <"$SUBMISSION") - 1)) rows)"
