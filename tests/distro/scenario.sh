#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Scripts of scenarios/, natively and under Tarbox: exit code and output must agree, but for those
# that `expected-failures` lists.
#
#   tests/distro/scenario.sh [-c CAPABILITY] TREE SCRIPT... -- COMMAND...
#
# TREE is as in tree.sh; SCRIPT is run by the interpreter that it names, with one more capability;
# COMMAND... runs tarbox.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" = -c ]; then
    export CAPABILITY=$2
    shift 2
fi
[ $# -ge 4 ] || { echo 'usage: scenario.sh [-c CAPABILITY] TREE SCRIPT... -- COMMAND...' >&2; exit 2; }
tree=$1
shift
scripts=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    scripts+=("$1")
    shift
done
shift
. "$here/sides.sh"

listed scenario >"$scratch/listed"
failed=0
for script in "${scripts[@]}"; do
    for where in native guest; do
        $where sh -c "mkdir /tmp/work && cd /tmp/work && exec /share/scenarios/$script" \
            >"$scratch/$where" 2>"$scratch/$where.err"
        echo "exit code $?" >>"$scratch/$where"
    done
    same=no is_listed=no
    ! cmp -s "$scratch/native" "$scratch/guest" || same=yes
    ! grep -qxF "$script" "$scratch/listed" || is_listed=yes
    case $same$is_listed in
    nono)
        failed=$((failed + 1))
        echo "FAILED: $script: --- natively, +++ under Tarbox"
        diff -u "$scratch/native" "$scratch/guest" | tail -n +3 | head -n 30
        tail -n 5 "$scratch/guest.err"
        ;;
    yesyes)
        failed=$((failed + 1))
        echo "listed, but equal: $script"
        ;;
    esac
    [ "$(wc -l <"$scratch/native")" -gt 1 ] || { echo "$script prints nothing"; failed=$((failed + 1)); }
done
echo "${#scripts[@]} scripts, $failed failed"
[ $failed = 0 ]
