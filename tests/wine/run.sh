#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Run a Windows program under Wine, as tests do.
#
#   tests/wine/run.sh EXE ARG...
#
# The program has the caller's standard streams, environment and exit code (its low 8 bits); one
# that a signal kills ends this process by that signal.  EXE is a Unix path.  Arguments pass
# untouched; Unix paths work in them, because the current drive is Z:, which is Wine's name for /.
# It runs with guard.c preloaded and under the filter of seccomp.c.
#
# The Wine prefix is $TARBOX_WINEPREFIX, else one in the cache folder; start.sh makes it, and keeps
# its server running for a while.  Any number of these may run at once.

here=$(cd "${0%/*}" && pwd) || exit 125
. "$here/settings.sh"

[ $# -gt 0 ] || { echo "usage: run.sh EXE ARG..." >&2; exit 125; }
exe=$1
shift
case $exe in
    /*) ;;
    *) exe=$PWD/$exe ;;
esac
[ -f "$exe" ] || { echo "run.sh: $exe: no such file" >&2; exit 127; }

if ! { [ "$tools/guard.so" -nt "$here/guard.c" ] && [ "$tools/seccomp" -nt "$here/seccomp.c" ] &&
    server_runs; }; then
    "$here/start.sh" || exit 125
fi

export LD_PRELOAD="$tools/guard.so${LD_PRELOAD:+:$LD_PRELOAD}"
exec "$tools/seccomp" "$WINELOADER" "$exe" "$@"
