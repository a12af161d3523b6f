#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Run a Linux program natively and under Tarbox, and compare what it prints and its exit code.
#
#   tests/guest/run.sh [--in-folder | --in-image | --with=OPTION] PROGRAM [ARG...] -- COMMAND...
#
# --in-folder gives it an empty folder of the host's as its working directory, --in-image one that
# belongs to an image, with what the program makes there when its argument is "fill"; --with=OPTION is
# an option of tarbox run.
# COMMAND is what comes before the program: "tarbox run", or "tests/wine/run.sh tarbox.exe run".
# Natively the program has an empty folder to itself, on a tmpfs if there is one, as under Tarbox.
# What it did natively is kept in PROGRAM.native and used until the program changes.  A signal that
# kills counts as exit code 128 plus its number on both sides.  Exits 0 if both agree.
set -u

# Programs find no descriptors but the standard ones, whatever this was started with.
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-

fail()
{
    echo "run.sh: $*"
    exit 1
}

in_folder='' in_image='' with=
case ${1:-} in
--in-folder) in_folder=1 ;;
--in-image) in_image=1 ;;
--with=*) with=${1#--with=} ;;
esac
[ -z "$in_folder$in_image$with" ] || shift
[ $# -gt 0 ] || { echo 'usage: run.sh [--in-folder | --in-image | --with=OPTION] PROGRAM [ARG...] -- COMMAND...' >&2; exit 2; }
program=$1
shift
arguments=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    arguments="$arguments $1" # no blanks in them
    shift
done
[ $# -gt 1 ] || fail 'no command after --'
shift

[ -x "$program" ] || fail "$program was not built"

long=${TARBOX_LONG:-}
seconds=${long:+2300}
seconds=${seconds:-50}
kept=$program.native
expected=$kept/expected$(echo "$arguments${long:+ long}" | tr ' ' .)
mkdir -p "$kept"
folder=$(mktemp -d "$kept/run.XXXXXX") || exit 1
native_folder=
trap 'rm -rf "$folder" "$native_folder"' EXIT
trap 'exit 1' HUP INT TERM

# The native run, in a folder of its own; 1: its checks fail.
natively()
{
    native_folder=$(TMPDIR=$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}") mktemp -d) ||
        exit 1
    # The shell's own words about a signal go with the inner one's stderr.
    # shellcheck disable=SC2086
    (
        # Ports are the whole machine's: who uses some does so alone.
        case ${program##*/} in
        inet_* | sigio) exec 9>"${program%/*}/ports.lock" && flock 9 ;;
        esac
        cd "$native_folder" || exit 1
        umask 022
        [ -z "$in_image" ] || "$program" fill >/dev/null || exit 1
        timeout -k 5 "$seconds" "$program" $arguments </dev/null
        echo "exit code $?"
    ) >"$folder/native" 2>/dev/null
    rm -rf "$native_folder"
    grep -q 'exit code 124$' "$folder/native" && fail 'the time is up, natively'
    ! grep -q '^[1-9][0-9]* failures' "$folder/native"
}

if ! [ "$expected" -nt "$program" ]; then
    # On a loaded machine Linux itself may be late once.
    natively || natively || natively || {
        cat "$folder/native"
        fail 'the program fails natively'
    }
    mv "$folder/native" "$expected"
fi

mkdir "$folder/volume"
if [ -n "$in_image" ]; then
    export TARBOX_ROOT="$folder/store"
    mkdir -p "$folder/root/work"
    cp "$program" "$folder/root/program"
    (cd "$folder/root/work" && ../program fill >/dev/null) || fail 'nothing for an image'
    tar -C "$folder/root" -cf "$folder/root.tar" . || fail 'no image'
    program=/program
fi
# shellcheck disable=SC2086
{
    timeout -k 5 "$seconds" "$@" ${with:+"$with"} ${in_folder:+-v "$folder/volume:/volume" -w /volume} ${in_image:+-w /work} ${long:+-e TARBOX_LONG=1} ${in_image:+"$folder/root.tar"} "$program" $arguments </dev/null
    echo "exit code $?"
} >"$folder/tarbox"
cmp -s "$expected" "$folder/tarbox" && exit 0
echo '--- natively, +++ under Tarbox'
diff -u "$expected" "$folder/tarbox" | tail -n +3
exit 1
