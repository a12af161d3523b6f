#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The commands of the tables in commands/, natively and under Tarbox: exit code and output of each
# must agree, but for those that `expected-failures` lists.
#
#   tests/distro/table.sh [-s COUNT] TREE TABLE... -- COMMAND...
#
# TREE is as in tree.sh, TABLE a file of commands/; COMMAND... runs tarbox.  -s: a sample, the first
# COUNT commands of each.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
count=0
[ "${1:-}" != -s ] || { count=$2; shift 2; }
[ $# -ge 4 ] || { echo 'usage: table.sh [-s COUNT] TREE TABLE... -- COMMAND...' >&2; exit 2; }
tree=$1
shift
tables=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    tables+=("/share/commands/$1")
    shift
done
shift
. "$here/sides.sh"

command=(env "LIMIT=$limit" bash /share/commands.sh "$count" "${tables[@]}")
for where in native guest; do
    $where "${command[@]}" >"$scratch/$where" 2>"$scratch/$where.err"
    [ "$(tail -n 1 "$scratch/$where")" = finished ] && continue
    echo "$where: not finished"
    tail "$scratch/$where" "$scratch/$where.err"
    exit 1
done

# Of a line with a command the next one is its outcome.
listed command >"$scratch/listed"
total=0 equal=0 known=0 failed=0
while IFS= read -r line && read -r native_code native_output &&
    IFS= read -r guest_line <&8 && read -r guest_code guest_output <&8; do
    [ "$line" = "$guest_line" ] || { echo "out of step: $line, $guest_line"; exit 1; }
    total=$((total + 1))
    same=no is_listed=no
    [ "$native_code $native_output" != "$guest_code $guest_output" ] || same=yes
    ! grep -qxF -- "$line" "$scratch/listed" || is_listed=yes
    case $same$is_listed in
    yesno) equal=$((equal + 1)) ;;
    noyes) known=$((known + 1)) ;;
    yesyes)
        failed=$((failed + 1))
        echo "listed, but equal: $line"
        ;;
    nono)
        failed=$((failed + 1))
        echo "differs: $line"
        [ "$native_code" = "$guest_code" ] || echo "    exit code $guest_code, natively $native_code"
        diff <(base64 -d <<<"$native_output") <(base64 -d <<<"$guest_output") | cat -v |
            head -n 10 | cut -c 1-200 | sed 's/^/    /'
        ;;
    esac
done <"$scratch/native" 8<"$scratch/guest"
echo "$equal of $total commands are equal, $known are listed, $failed neither"
[ $total -gt 0 ] && [ $failed = 0 ]
