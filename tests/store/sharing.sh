#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Two images that differ in one package share the rest: what `du` says, and what lies on the disk.
#
#   tests/store/sharing.sh FOLDER COMMAND...     see start.sh
#
# Their files are those of packages that this machine has.
set -uo pipefail
. "$(dirname "$0")/start.sh"

# pack NAME PACKAGE...: an archive of what these packages installed, and of dpkg's database.
pack() {
    local name=$1
    shift
    dpkg -L "$@" | grep -v '^/\.$' | sort -u | while read -r path; do
        [ ! -d "$path" ] || [ -L "$path" ] && [ -e "$path" ] && echo ".$path"
    done >"$scratch/$name.list"
    mkdir -p "$scratch/db/var/lib/dpkg"
    dpkg-query -s "$@" >"$scratch/db/var/lib/dpkg/status"
    tar -C / --no-recursion -T "$scratch/$name.list" -C "$scratch/db" --recursion -czf "$scratch/$name.tar.gz" \
        ./var 2>/dev/null
}
# What `du` says of an image, in the column with this number.
column() {
    tarbox du | awk -v name="$1:latest" -v n="$2" '$1 == name { print $n }'
}
on_disk() {
    find "$TARBOX_ROOT/packs" "$TARBOX_ROOT/images" -type f -printf '%s\n' |
        awk '{ s += $1 } END { print s }'
}
# at_least A B: numbers with a fraction, and a percent sign perhaps.
at_least() { awk -v a="${1%\%}" -v b="$2" 'BEGIN { exit !(a + 0 >= b) }'; }

base=(base-files bash coreutils dash debianutils dpkg findutils grep gzip libc6 libc-bin login perl-base sed tar util-linux)
pack base "${base[@]}"
pack more "${base[@]}" zstd
gives 0 . import -q "$scratch/base.tar.gz" base
before=$(on_disk)
gives 0 . import -q "$scratch/more.tar.gz" more
after=$(on_disk)
tarbox du
echo "the second image took $((after - before)) bytes more, the first $before"
[ $(((after - before) * 20)) -le "$before" ]
outcome 'a second image takes 5 % of the first' $?
shared=$(column more 7) folders=$(column more 8)
at_least "$shared" 95 && at_least "$folders" 80
outcome "it shares $shared of its bytes and $folders of its folders" $?
gives 0 . import -q "$scratch/base.tar.gz" again
[ "$(on_disk)" = "$after" ]
outcome 'the same image under another name writes nothing' $?
gives 0 '^removed' rmi more
gives 0 . prune
[ "$(on_disk)" -le "$before" ]
outcome 'what only the second image needed is gone with it' $?
gives 0 ' 0 damaged' verify
finish
