#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Access control lists on the way: in archives into images, out of
# them, and in containers that are kept.
#
#   tests/store/acl.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"

command -v setfacl >/dev/null || { echo 'setfacl is missing: cmake/debian-setup.sh'; exit 1; }

# ---- A small root with setfacl and getfacl, and files with lists ----
made=$scratch/root
mkdir -p "$made"/{etc,data/dir/sub,tmp} "$scratch/tmp"
cp -a "$root/bin" "$made/"
for program in setfacl getfacl; do
    cp "$(command -v $program)" "$made/bin/"
    ldd "$(command -v $program)" | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$made${library%/*}"
        cp -L "$library" "$made$library"
    done
done
# Names whose numbers are others than the host's.
printf '%s\n' root:x:0:0::/:/bin/sh nobody:x:4000:4000::/: daemon:x:4001:4001::/: >"$made/etc/passwd"
printf '%s\n' root:x:0: nogroup:x:5000: daemon:x:5001: >"$made/etc/group"
cd "$made/data" || exit 1
echo text | tee file short plain >private
chmod 640 file short plain
chmod 600 private
setfacl -m u:nobody:rw,g:daemon:r,u:1234:- file
setfacl -m u:1500:r private
setfacl -m d:u:nobody:rwx,d:g:1500:rx dir
setfacl -m u:1500:rx,g:daemon:- dir/sub
chmod 700 dir/sub
cd "$scratch" || exit 1
tar --acls -C "$made" --owner=0 --group=0 -cf by-name.tar .
tar --xattrs --xattrs-include='*' -C "$made" --owner=0 --group=0 -cf attributes.tar .

# shown IMAGE: the lists of /data there.
shown() {
    tarbox run "$@" sh -c 'cd /data && find . | sort | getfacl -n -' | tr -d '\r'
}

# same NAME FILE IMAGE...: they are what FILE says.
same() {
    local name=$1 file=$2
    shift 2
    shown "$@" >"$scratch/shown"
    diff "$file" "$scratch/shown"
    outcome "$name" $?
}

# ---- GNU tar's archives, and what layers have: the attributes themselves ----
(cd "$made/data" && find . | sort | getfacl -n -) | sed 's/^# owner: .*/# owner: 0/; s/^# group: .*/# group: 0/' >want-attributes
nobody=$(id -u nobody) daemon=$(getent group daemon | cut -d : -f 3)
sed "s/^\(.*user:\)$nobody:/\14000:/; s/^\(.*group:\)$daemon:/\15001:/" want-attributes >want-name
tarbox import -q attributes.tar attributes:1 >/dev/null
tarbox import -q by-name.tar name:1 >/dev/null
same 'as attributes' want-attributes attributes:1
same 'by name' want-name name:1
rm "$made/etc/passwd"
tar --acls -C "$made" -cf bad.tar .
gives 125 "for the user 'nobody', which etc/passwd of the archive does not have; pack it with --xattrs" import bad.tar

# ---- They count ----
gives 0 '^text$' run -u 1500:1500 name:1 cat /data/private
gives 1 'Permission denied' run -u 1501:1500 name:1 cat /data/private
gives 1 'Permission denied' run -u 1500:1500 name:1 sh -c 'echo >>/data/private'
gives 1 'Permission denied' run -u 1500:1500 name:1 ls /data/dir/sub

# ---- Out and in again ----
tarbox export name:1 >export.tar
tarbox import -q export.tar export:1 >/dev/null
same 'export' want-name export:1
tarbox save -o save.tar name:1
tarbox rmi name:1 >/dev/null 2>&1
tarbox load -i save.tar >/dev/null
same 'save and load' want-name name:1

# ---- Containers that are kept ----
gives 0 '' run --name work export:1 sh -c 'cd /data; setfacl -m u:7:rwx,g:8:- plain; setfacl -b private; chmod g=r file
    mkdir -m 770 dir/new; echo new >dir/new/file; setfacl -k dir; setfacl -m d:o::- dir/sub; setfacl -x u:1500 dir/sub; mv short dir/'
tarbox run --name work export:1 sh -c 'cd /data && find . | sort | getfacl -n -' | tr -d '\r' >want-work
grep -qx 'user:7:rwx' want-work && grep -qx 'default:user:4000:rwx' want-work && grep -qx 'default:other::---' want-work
outcome 'a container keeps lists' $?
tarbox commit work made:1 >/dev/null
same 'commit' want-work made:1
tarbox export work >work.tar
tarbox import -q work.tar work:1 >/dev/null
same 'export of a container' want-work work:1
gives 0 '^C /data/plain$' diff work
gives 0 '^C /data/private$' diff work

# Once more, from what is an image's: removed, and changed by the mode alone.
gives 0 '' run --name again made:1 sh -c 'cd /data; setfacl -b plain; chmod 604 file; setfacl -R -b dir/new'
tarbox run --name again made:1 sh -c 'cd /data; getfacl -cn plain file dir/new/file' | tr -d '\r' >again
printf '%s\n' user::rw- group::r-- other::--- '' \
    user::rw- user:1234:--- user:4000:rw- group::r-- group:5001:r-- mask::--- other::r-- '' \
    user::rw- group::r-- other::r-- '' | diff - <(sed 's/\t#effective.*//' again)
outcome 'a list of the image changes' $?

finish
