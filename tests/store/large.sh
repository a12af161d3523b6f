#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Archives of any size: many entries, a huge sparse file, much that does not compress; and how much
# memory an import of them takes, which is printed.
#
#   tests/store/large.sh FOLDER COMMAND...     see start.sh
#
# 5,000,000 entries, 20 GB with holes and 3 GB without in the long tier; else 100,000 entries, 2 GB
# and nothing.
set -uo pipefail
. "$(dirname "$0")/start.sh"

limit=1500
if [ "${TARBOX_LONG:-0}" = 0 ]; then
    entries=100000 hole=2 noise=0
else
    entries=5000000 hole=20 noise=3
fi
free=$(df --output=avail -k "$scratch" | tail -n 1)
if [ "$free" -lt $((4000000 + noise * 2000000)) ]; then
    echo "only $free KiB are free in $scratch: not enough"
    outcome 'there is room' 1
    finish
fi

# peak NAME COMMAND...: run it, and print the most memory of its own that tarbox had: the pages of
# mapped files are the host's.
peak() {
    local name=$1 pid p now most=0 code
    shift
    "$@" >"$scratch/out" 2>&1 &
    pid=$!
    while kill -0 $pid 2>/dev/null; do
        for p in $(pgrep -f -- "--root $TARBOX_ROOT"); do
            now=$(awk '/^RssAnon:/ { print $2 }' "/proc/$p/status" 2>/dev/null)
            [ "${now:-0}" -le $most ] || most=$now
        done
        sleep 0.1
    done
    wait $pid
    code=$?
    echo "$name: $((SECONDS - started)) s, $most KiB of memory"
    [ $code = 0 ] || head -n 3 "$scratch/out"
    outcome "$name" $code
}

import_many() { python3 "$here/large.py" $entries | "${tarbox[@]}" import --root "$TARBOX_ROOT" -q - many; }
started=$SECONDS
peak "$entries entries" import_many
last=$((entries - 1))
path=$(printf '/d%05d/f%07d' $((last / 1000)) $last)
gives 0 "\"files\": $entries|$entries" inspect many
[ "$(tarbox export many | tar -xOf - ".$path")" = $last ]
outcome "the last file has its content" $?
gives 0 '^removed' rmi many
gives 0 . prune

# Three pieces of data in a sea of holes: GNU's form and PAX's.
mkdir "$scratch/tree"
cp "$root/bin/busybox" "$scratch/tree/"
truncate -s ${hole}G "$scratch/tree/holes"
printf begin | dd of="$scratch/tree/holes" conv=notrunc status=none
printf middle | dd of="$scratch/tree/holes" conv=notrunc status=none bs=1 seek=1234567890
printf end | dd of="$scratch/tree/holes" conv=notrunc status=none bs=1 seek=$(((hole << 30) - 3))
for format in gnu posix; do
    import_sparse() { tar -C "$scratch/tree" --format=$format -Scf - . | "${tarbox[@]}" import --root "$TARBOX_ROOT" -q - sparse-$format; }
    started=$SECONDS
    peak "$hole GiB of holes, $format" import_sparse
    gives 0 "^$((hole << 30))$" run sparse-$format /busybox stat -c %s /holes
    gives 0 '^middle$' run sparse-$format /busybox dd if=/holes bs=1 skip=1234567890 count=6 status=none
    gives 0 '^end$' run sparse-$format /busybox tail -c 3 /holes
done
[ "$(du -sm "$TARBOX_ROOT" | cut -f 1)" -lt 100 ]
outcome 'holes take no room in the store' $?

if [ $noise != 0 ]; then
    import_noise() {
        tar -C "$scratch/tree" -cf - . | "${tarbox[@]}" import --root "$TARBOX_ROOT" -q - noise
    }
    rm "$scratch/tree/holes"
    head -c ${noise}G /dev/urandom >"$scratch/tree/noise"
    started=$SECONDS
    peak "$noise GiB of noise" import_noise
    want=$(md5sum <"$scratch/tree/noise")
    rm "$scratch/tree/noise"
    [ "$(tarbox run noise /busybox cat /noise | md5sum)" = "$want" ]
    outcome 'the noise comes back' $?
fi
gives 0 ' 0 damaged' verify
finish
