# SPDX-License-Identifier: MIT
#
# Sourced by tests that run many containers: what did they leave behind?  Processes started after
# this are found by a mark in their environment; temporary files of Linux go to the folder $TMPDIR
# that the caller sets, Windows' ones are looked for in the Wine prefix.

export TARBOX_TEST_MARK=$$-$RANDOM

# Marked processes that are no zombies; in a subshell without the mark, not to find ourselves.
leftover_processes() (
    mark=TARBOX_TEST_MARK=$TARBOX_TEST_MARK
    unset TARBOX_TEST_MARK
    grep -lzxF "$mark" /proc/[0-9]*/environ 2>/dev/null | sed 's|/proc/\([0-9]*\)/.*|\1|' |
        while read -r pid; do
            case $(ps -o stat=,args= -p "$pid") in
            '' | Z* | *wineserver* | *'C:\windows\'*) ;; # Wine's own stay
            *) echo "$pid" ;;
            esac
        done
)

# The marked guest hosts, the eldest first: it has a container's first process.
hosts() {
    local pid
    for pid in $(pgrep -x tarbox-guest; pgrep -f -- --tarbox-guest-host); do # Linux; Windows
        grep -qzxF "TARBOX_TEST_MARK=$TARBOX_TEST_MARK" /proc/"$pid"/environ &&
            echo "$(cut -d ' ' -f 22 /proc/"$pid"/stat) $pid"
    done 2>/dev/null | sort -n | cut -d ' ' -f 2
}

# Others may run containers in the same Wine prefix: a file that is open is theirs.
leftover_files() {
    ls -A "$TMPDIR"
    if [ "${TARBOX_WINEPREFIX:-}" ]; then
        find "$TARBOX_WINEPREFIX/drive_c" -name 'tarbox-*.tmp' |
            grep -vxF -f <(find /proc/[0-9]*/fd -name '[0-9]*' -printf '%l\n' 2>/dev/null)
    fi
}

# Nothing is left, or prints what is still there after five seconds.
nothing_is_left() {
    local processes='' files=''
    for _ in $(seq 50); do
        processes=$(leftover_processes)
        files=$(leftover_files)
        [ -n "$processes$files" ] || return 0
        sleep 0.1
    done
    echo 'left behind:'
    # shellcheck disable=SC2086
    [ -z "$processes" ] || ps -o pid,ppid,args -p $(echo $processes)
    [ -z "$files" ] || echo "$files"
    return 1
}
