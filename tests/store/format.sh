#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The store's files are what docs/store-format.md says, to the byte: stores of earlier versions must
# stay readable.  format.expected is the dump of format.py; if the format is to change, so is its
# version.
#
#   tests/store/format.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"

python3 "$here/format.py" make "$scratch/a.tar"
gives 0 '^[0-9a-f]{32}$' import -q "$scratch/a.tar" pinned:1
python3 "$here/format.py" dump "$TARBOX_ROOT" >"$scratch/dump"
diff "$here/format.expected" "$scratch/dump"
outcome 'the bytes are those of format.expected' $?
gives 0 ' 0 damaged' verify
finish
