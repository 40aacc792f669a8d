#!/usr/bin/env bash
# Installs what is missing, then runs every check.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
bash environment/install.sh
exec bash environment/check.sh
