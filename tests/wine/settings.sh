# SPDX-License-Identifier: MIT
#
# Sourced by the scripts beside it, which set $here: where things are, and Wine's environment.
# Debian's `wine` script is passed by, since it prints advice and looks for a display.

cache=${TARBOX_CACHE:-$HOME/.cache/tarbox}
tools=$here/../../build/wine-harness

export WINEPREFIX="${TARBOX_WINEPREFIX:-$cache/wine-prefix}"
export WINESERVER=/usr/lib/wine/wineserver64
export WINELOADER=/usr/lib/wine/wine64
export WINEDEBUG=-all
unset DISPLAY WAYLAND_DISPLAY
export LC_ALL=C.UTF-8 # what Wine takes file names for
unset TMPDIR # or another folder is another server

# Is this prefix's server up?  (Signal 0 goes to the process that holds its lock.)
server_runs() {
    "$WINESERVER" -k0 2>/dev/null
}
