#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A script in one or more static shells, natively and under Tarbox: output and exit code must agree.
#
#   tests/shells/run.sh FOLDER SCRIPT SHELL... -- COMMAND...
#
# FOLDER is pack.sh's; SCRIPT is a file of scripts/, SHELL a program of the root file system, with
# blanks where it takes arguments; COMMAND... runs tarbox.  What a shell did natively is kept in
# FOLDER/expected.  Standard error counts only in that the script may have sent it elsewhere: the
# shells print line numbers and process numbers there.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 5 ] || { echo 'usage: run.sh FOLDER SCRIPT SHELL... -- COMMAND...' >&2; exit 2; }
folder=$1 script=$2
shift 2
shells=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    shells+=("$1")
    shift
done
shift
"$here/pack.sh" "$folder" || exit 1
limit=${TARBOX_LONG:+7000}
limit=${limit:-300}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TARBOX_ROOT=${TARBOX_ROOT:-$scratch/store}

# In an empty folder, with the shell's own name for SHELL.
start='mkdir /tmp/work && cd /tmp/work && shift && exec "$@"'
failed=0
for shell in "${shells[@]}"; do
    read -r -a words <<<"$shell"
    command=(sh -c "$start" sh x env "SHELL=$shell" ${TARBOX_LONG:+TARBOX_LONG=1} "${words[@]}" "/scripts/$script")
    expected=$folder/expected/$script.${shell// /-}${TARBOX_LONG:+.long}
    if [ ! -f "$expected" ]; then
        timeout -k 5 $limit "$here/native.sh" "$folder/root" "${command[@]}" \
            </dev/null >"$scratch/native" 2>"$scratch/native.err"
        code=$?
        echo "exit code $code" >>"$scratch/native"
        # Nothing printed but that: there is nothing to compare.
        if [ $code = 124 ] || [ $code = 99 ] || [ "$(wc -l <"$scratch/native")" -lt 2 ]; then
            echo "$shell $script: natively exit code $code, $(wc -l <"$scratch/native") lines"
            cat "$scratch/native.err"
            exit 1
        fi
        mv "$scratch/native" "$expected"
    fi
    timeout -k 5 $limit "$@" run -e HOSTNAME=guest "$folder/rootfs.tar.gz" "${command[@]}" \
        </dev/null >"$scratch/guest" 2>"$scratch/guest.err"
    echo "exit code $?" >>"$scratch/guest"
    if ! cmp -s "$expected" "$scratch/guest"; then
        failed=$((failed + 1))
        echo "FAILED: $shell $script: --- natively, +++ under Tarbox"
        diff -u "$expected" "$scratch/guest" | tail -n +3 | head -n 30
        tail -n 5 "$scratch/guest.err"
    fi
done
echo "${#shells[@]} shells, $failed failed"
[ $failed = 0 ]
