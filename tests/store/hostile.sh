#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Archives that mean harm (hostile.py makes them): each is refused in one sentence that names what
# is wrong, with exit code 125, and the store and all around it stay as they were; those that only
# look bad give the tree that GNU tar makes of them.
#
#   tests/store/hostile.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"

mkdir "$scratch/a" "$scratch/in"
python3 "$here/hostile.py" "$scratch/in" >"$scratch/cases" || exit 1
[ "$(wc -l <"$scratch/cases")" -gt 50 ]
outcome 'there are archives' $?
tarbox import "$archive" bystander >/dev/null 2>&1

# All files here but the output, the store's included.
world() {
    find "$scratch" -type f ! -path '*/tmp/*' ! -name out ! -name world -exec md5sum {} + | sort
}
world >"$scratch/world"

# refused PATTERN COMMAND...
refused() {
    local pattern=$1 code
    shift
    tarbox "$@" >"$scratch/out" 2>&1
    code=$?
    if [ $code = 125 ] && [ "$(wc -l <"$scratch/out")" = 1 ] && grep -qE -- "$pattern" "$scratch/out" &&
        [ "$(wc -c <"$scratch/out")" -lt 1000 ] && world | cmp -s - "$scratch/world"; then
        outcome "$*" 0
    else
        echo "exit code $code, not one short sentence with /$pattern/, or something was changed:"
        head -c 500 "$scratch/out"
        world | diff - "$scratch/world" | head -n 3
        outcome "tarbox $*" 1
    fi
}

# As GNU tar unpacks it: names, types, contents and targets.
same_tree() {
    rm -rf "$scratch/a/tar" "$scratch/a/tarbox"
    mkdir -p "$scratch/a/tar" "$scratch/a/tarbox"
    tar -C "$scratch/a/tar" -xf "$scratch/in/$1" 2>/dev/null
    tarbox import -q "$scratch/in/$1" harmless:"${1%.tar}" >/dev/null 2>&1 &&
        tarbox export -o "$scratch/a/export.tar" harmless:"${1%.tar}" 2>/dev/null &&
        tar -C "$scratch/a/tarbox" -xf "$scratch/a/export.tar" &&
        diff -r --no-dereference "$scratch/a/tar" "$scratch/a/tarbox"
    outcome "$1 gives the tree that tar makes of it" $?
}

harmless=()
while IFS=$'\t' read -r name command pattern; do
    if [ "$pattern" = = ]; then
        harmless+=("$name")
        continue
    fi
    refused "$pattern" "$command" "$scratch/in/$name"
    [ "$command" = load ] || refused "$pattern" run "$scratch/in/$name" true
done <"$scratch/cases"

# ---- Bombs ----
truncate -s 300M "$scratch/a/zeros"
tar -C "$scratch/a" -cf - zeros | zstd -q >"$scratch/in/bomb.tar.zst"
rm "$scratch/a/zeros"
world >"$scratch/world"
refused '50000000|limit|unpacked|--max-size' import --max-size 50000000 "$scratch/in/bomb.tar.zst"
refused 'max-files|number of' import --max-files 100 "$archive"
refused 'limit|unpacked|--max-size' run --max-size 1M "$scratch/in/bomb.tar.zst" true

for name in "${harmless[@]}"; do
    same_tree "$name"
done
[ -z "$(find "$TARBOX_ROOT/tmp" -type f)" ]
outcome 'nothing unfinished is left' $?
gives 0 ' 0 damaged' verify
finish
