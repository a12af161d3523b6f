#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Check that freestanding objects are what they claim to be.
#
#   OBJDUMP=objdump NM=nm tests/lint/freestanding.sh OBJECT...
#
# Refused: vector, mask and x87 registers and %fs in objects compiled from C (assembly that saves
# such state does so on purpose), and symbols that neither these objects define nor a pattern in
# freestanding.allow names.  Prints each offence and exits 1 if there is one.
set -eu
here=$(dirname "$0")
objdump=${OBJDUMP:-objdump}
nm=${NM:-nm}
[ $# -gt 0 ] || { echo 'usage: freestanding.sh OBJECT...' >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for object; do
    case $object in
    *.c.o | *.c.obj)
        # The operands, after the mnemonic: "  1a: <tab> movaps <spaces> %xmm0,..."
        "$objdump" -d --no-show-raw-insn "$object" >"$work/code"
        awk -v object="$object" '
            /^[0-9a-f]+ <.*>:$/ { function_name = $2 }
            /%([xyz]mm[0-9]+|mm[0-7]|k[0-7]|st|fs)([^a-z0-9]|$)/ ||
            /:\t(rep )?f(ld|st|ild|ist|add|sub|mul|div|xch|com|ucom|chs|abs|sqrt|nsave|rstor)/ {
                print object ": " function_name " " $0
            }' "$work/code" >>"$work/registers"
        ;;
    esac
    # By way of files: in a pipe, a tool that cannot read the object would pass for a clean one.
    "$nm" --undefined-only --format=posix "$object" >"$work/names"
    awk -v object="$object" '{ print $1, object }' "$work/names" >>"$work/undefined"
    "$nm" --defined-only --extern-only --format=posix "$object" >"$work/names"
    awk '{ print $1 }' "$work/names" >>"$work/defined"
done

grep -vE '^(#|$)' "$here/freestanding.allow" >"$work/allow"
awk 'FILENAME == ARGV[1] { defined[$1] = 1; next } !($1 in defined)' "$work/defined" "$work/undefined" |
    while read -r symbol object; do
        printf '%s\n' "$symbol" | grep -qxE -f "$work/allow" || echo "$object: $symbol"
    done >"$work/symbols"

status=0
if [ -s "$work/registers" ]; then
    echo 'Vector, x87 or FS state in code that must leave it to the guest:'
    cat "$work/registers"
    status=1
fi
if [ -s "$work/symbols" ]; then
    echo 'Symbols from outside; call the host through plat.h, or list them in freestanding.allow:'
    cat "$work/symbols"
    status=1
fi
exit $status
