#!/bin/sh
# SPDX-License-Identifier: MIT
#
# End the server that tests/wine/run.sh has kept for its prefix, and every program in it.
#
#   tests/wine/stop.sh

here=$(cd "${0%/*}" && pwd) || exit 1
. "$here/settings.sh"

[ -d "$WINEPREFIX" ] || exit 0
"$WINESERVER" -k 2>/dev/null
exec timeout 30 "$WINESERVER" -w
