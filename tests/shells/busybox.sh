#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Busybox's own test-suite, natively in a chroot and under Tarbox: what passes natively must pass.
#
#   tests/shells/busybox.sh FOLDER APPLET... -- COMMAND...
#
# FOLDER is pack.sh's, APPLET one with tests, or "all" for every one that busybox.skip does not list;
# COMMAND... runs tarbox.  What happened natively is kept in FOLDER/expected.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 4 ] || { echo 'usage: busybox.sh FOLDER APPLET... -- COMMAND...' >&2; exit 2; }
folder=$1
shift
applets=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    applets+=("$1")
    shift
done
shift
"$here/pack.sh" "$folder" || exit 1
suite=$folder/root/usr/busybox/testsuite
if [ "${applets[*]}" = all ]; then
    mapfile -t applets < <(
        find "$suite" -mindepth 1 -maxdepth 1 \( -name '*.tests' -o -type d \) -printf '%f\n' |
            sed 's/\.tests$//' | sort -u | grep -vxF -f <(sed -n 's/^\([^# ]*\) .*/\1/p' "$here/busybox.skip")
    )
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TARBOX_ROOT=${TARBOX_ROOT:-$scratch/store}
start='mkdir /tmp/work && cd /tmp/work && exec sh /scripts/busybox-tests.sh "$@"'
passed=0
failed=0
for applet in "${applets[@]}"; do
    expected=$folder/expected/busybox.$applet
    if [ ! -f "$expected" ]; then
        timeout -k 5 120 "$here/native.sh" "$folder/root" sh -c "$start" sh "$applet" \
            </dev/null >"$scratch/native" 2>"$scratch/native.err" ||
            { echo "$applet: natively exit code $?"; cat "$scratch/native.err"; exit 1; }
        mv "$scratch/native" "$expected"
    fi
    timeout -k 5 120 "$@" run -e HOSTNAME=guest "$folder/rootfs.tar.gz" sh -c "$start" sh "$applet" \
        </dev/null >"$scratch/guest" 2>"$scratch/guest.err"
    # A test of a name may come more than once: as often as natively.
    lost=$(comm -23 <(grep '^PASS' "$expected" | sort) <(grep '^PASS' "$scratch/guest" | sort))
    count=$(grep -c '^PASS' "$expected")
    lost_count=$(printf '%s' "$lost" | grep -c '')
    passed=$((passed + count - lost_count))
    failed=$((failed + lost_count))
    [ -z "$lost" ] || { echo "$lost" | sed 's/^PASS/not passed:/'; tail -n 3 "$scratch/guest.err"; }
done
echo "$passed passed, $failed failed"
[ $passed -gt 0 ] && [ $failed = 0 ]
