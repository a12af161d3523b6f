#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sqlite under stress, natively and under Tarbox: what the programs say of errors and contents must
# agree, as must their exit codes.
#
#   tests/sqlite/run.sh FOLDER processes|threads|counts|speed COMMAND...
#
# FOLDER is pack.sh's; COMMAND... runs tarbox.  In the fast tier each of the four with a part of the
# journal modes, in the container's root, and in WAL mode in a folder of the host's, too; with
# TARBOX_LONG=1 all of them, in the root, a tmpfs and such a folder, with databases mapped and not.
set -uo pipefail

what=$2
set -- "$1" "${@:3}"
. "$(dirname "$0")/../compare.sh"
long=${TARBOX_LONG:-0}
[ "$long" = 1 ] && limit=900 || limit=120

native() {
    rm -rf "$scratch/root"
    cp -a "$root" "$scratch/root"
    timeout -k 5 $limit env -i PATH=$path chroot "$scratch/root" "$@"
}
guest() {
    rm -rf "$scratch/data"
    mkdir "$scratch/data"
    timeout -k 5 $limit "${tarbox[@]}" run --tmpfs /memory -v "$scratch/data:/data" "$archive" "$@"
}

# What of the output says how it went: the rest are times and process numbers, and how many tests were
# counted, for mptest does not wait long for its processes to tell.
mask() {
    grep -aE 'ERROR|errors|Hash|is there|wrong|worker .* (was|has)|rror:|malformed|^exit code' |
        sed -E 's/^.*Summary/Summary/; s/( errors) (in|out of) [0-9]+ tests.*/\1/'
}

# result SIDE COMMAND
result() {
    $1 sh -c "$2" >"$scratch/$1" 2>&1
    echo "exit code $?" >>"$scratch/$1"
    mask <"$scratch/$1"
}

# check PLACE COMMAND: in a folder of the container's.  What it did natively, wherever, is kept.
check() {
    local expected=$folder/expected/${2//[^a-zA-Z0-9]/_}
    if [ ! -f "$expected" ]; then
        result native "cd /tmp && $2" >"$expected.$$"
        if ! grep -qx 'exit code 0' "$expected.$$"; then
            tail -n 20 "$scratch/native"
            outcome "natively: $2" 1
            return
        fi
        mv "$expected.$$" "$expected"
    fi
    diff "$expected" <(result guest "cd $1 && $2") >"$scratch/diff"
    local same=$?
    head -n 20 "$scratch/diff"
    outcome "$what: $1: $2" $same
}

# places MODE: in WAL mode the processes share mappings of a file, which a folder of the host's has, too.
places() {
    if [ "$long" = 1 ]; then
        echo /tmp /memory /data
    elif [ "$1" = wal ]; then
        echo /tmp /data
    else
        echo /tmp
    fi
}

if [ "$long" = 0 ]; then
    modes='delete wal' ways=(MAPPED=1) kills=5 size=2
else
    modes='delete truncate persist wal' ways=('' MAPPED=1) kills=30 size=20
fi

# each MODES COMMAND: the command, with MODE for a journal mode, in all places, mapped and not; `own` for
# what sets modes and mappings by itself.
each() {
    local mode map place
    for mode in $1; do
        for map in "${ways[@]}"; do
            for place in $(places "$mode"); do
                check "$place" "rm -f x.db*; $map ${2//MODE/$mode}"
            done
        done
    done
}
case $what in
processes)
    for script in crash01 multiwrite01; do
        each "$modes" "mptest x.db /scripts/$script.test --journalmode MODE"
    done
    ways=('')
    [ "$long" = 0 ] || each own 'mptest x.db /scripts/config01.test'
    each own 'mptest x.db /scripts/config02.test'
    ;;
threads)
    if [ "$long" = 0 ]; then
        each own 'QUICK=1 threadtest3 "walthread*"'
        each delete 'QUICK=1 threadtest3 stress1 stress2 vacuum1 create_drop_index_1'
    else
        ways=('') # some four minutes each
        each own 'threadtest3 -multiplexor'
        ways=(MAPPED=1)
        each own 'threadtest3'
    fi
    ;;
counts) each "$modes" "counts x.db MODE $kills" ;;
speed) each "$modes" "speedtest1 --size $size --verify --journal MODE x.db" ;;
esac
finish
