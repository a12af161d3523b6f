#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Folders of the host in a container: tarbox run -v.
#
#   tests/store/volumes.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"

shared=$scratch/shared
mkdir -p "$shared/sub"
echo 'from the host' >"$shared/file"
tarbox import "$archive" image >/dev/null 2>&1

# in_folder CODE PATTERN ARGUMENT...: in the image, with the folder on /v.
in_folder() {
    local want=$1 pattern=$2
    shift 2
    gives "$want" "$pattern" run -v "$shared:/v" image "$@"
}

# holds PATH TEXT: a file of the host.
holds() {
    [ "$(cat "$1" 2>/dev/null)" = "$2" ]
    outcome "$1 holds '$2'" $?
}

# ---- Both see the same ----
in_folder 0 '^from the host$' cat /v/file
echo 'changed' >"$shared/file"
in_folder 0 '^changed$' cat /v/file
in_folder 0 '' cp /v/file /v/sub/copy
holds "$shared/sub/copy" changed
in_folder 0 '^file$' ls /v
in_folder 0 '' mv /v/sub/copy /v/moved
holds "$shared/moved" changed
[ ! -e "$shared/sub/copy" ]
outcome 'what was moved is gone' $?
in_folder 0 '' mkdir -p /v/a/b/c
in_folder 0 '' rm -r /v/a /v/moved
[ "$(ls "$shared" | sort | tr '\n' ' ')" = 'file sub ' ]
outcome 'what was removed is gone' $?
in_folder 0 '' dd if=/dev/zero of=/v/zeros bs=1000 count=1000 status=none
[ "$(stat -c %s "$shared/zeros")" = 1000000 ]
outcome 'a million bytes are a million bytes' $?
in_folder 0 '' truncate -s 10 /v/zeros
in_folder 0 '^10 regular file$' stat -c '%s %F' /v/zeros
rm "$shared/zeros"

# ---- Programs and the working directory ----
cp "$root/bin/busybox" "$shared/busybox"
gives 0 '^it runs$' run -v "$shared:/v" -w /v image ./busybox echo 'it runs'
gives 0 '^/v/new/deep$' run -v "$shared:/v" -w /v/new/deep image pwd
[ -d "$shared/new/deep" ]
outcome 'a working directory is made in the folder' $?
rm -r "$shared/busybox" "$shared/new"

# ---- Who owns what ----
# The host's root is not taken for the container's user: owners show as they are.
mine='1234 1234'
[ "${tarbox[0]##*/}" = run.sh ] || [ "$(id -u)" != 0 ] || mine='0 0'
gives 0 "^$mine$" run -v "$shared:/v" -u 1234:1234 image stat -c '%u %g' /v/sub
in_folder 0 '^0 0$' stat -c '%u %g' /v/file

# ---- Read only ----
gives 0 '^changed$' run -v "$shared:/v:ro" image cat /v/file
for command in 'touch /v/new' 'rm /v/file' 'mkdir /v/d' 'mv /v/file /v/x' 'chmod 600 /v/file' \
    'ln /v/file /v/l' 'ln -s x /v/l' 'truncate -s 0 /v/file' 'rmdir /v/sub' 'cp /bin/busybox /v/file'; do
    # shellcheck disable=SC2086
    gives 1 'Read-only file system' run -v "$shared:/v:ro" image $command
done
[ "$(ls "$shared" | tr '\n' ' ')" = 'file sub ' ]
outcome 'nothing was changed' $?
holds "$shared/file" changed

# ---- Files, and folders in folders ----
gives 0 '^changed$' run -v "$shared/file:/etc/motd" image cat /etc/motd
gives 0 '^changed$' run -v "$shared/file:/some/new/place:ro" image cat /some/new/place
gives 1 'busy' run -v "$shared:/v" image rmdir /v
gives 1 'busy' run -v "$shared/file:/etc/motd" image rm -f /etc/motd
mkdir "$scratch/other"
echo inner >"$scratch/other/x"
gives 0 '^inner$' run -v "$scratch/other:/v/sub/in" -v "$shared:/v" image cat /v/sub/in/x
gives 0 '^/v/sub/in$' run -v "$scratch/other:/v/sub/in" -v "$shared:/v" -w /v/sub/in image pwd
[ -d "$shared/sub/in" ]
outcome 'the place of a folder is made in the folder around it' $?
rmdir "$shared/sub/in"
gives 0 '^x$' run -v "$shared:/v" -v "$scratch/other:/w" image ls /v/../w
in_folder 1 'cross-device|Invalid' ln /v/file /bin/l

# ---- What is missing is made, as docker does it ----
gives 0 '' run -v "$scratch/made/for/results:/results" image cp /etc/passwd /results/
cmp -s "$root/etc/passwd" "$scratch/made/for/results/passwd"
outcome 'a folder that was missing has the results' $?

# ---- Nothing leads out ----
ln -s "$scratch/other/x" "$shared/leads-out"
ln -s ../other "$shared/leads-out-too"
if [ "$(tarbox run -v "$shared:/v" image readlink /v/leads-out 2>/dev/null)" = "$scratch/other/x" ]; then
    in_folder 1 'No such file' cat /v/leads-out # as paths of the container
    in_folder 1 'No such file' cat /v/leads-out-too/x
    in_folder 1 'No such file' touch /v/leads-out-too/new
else
    echo 'this host does not show links of its file system: not tested'
fi
[ "$(ls "$scratch/other")" = x ]
outcome 'nothing came out of the folder' $?
rm "$shared"/leads-out*

# ---- What is refused ----
gives 125 'not a volume' run -v nonsense image true
gives 125 'not a volume' run -v "$shared:relative" image true
gives 125 "no named volumes; .*'./data'" run -v data:/data image true
gives 125 "'rx'.* not an option" run -v "$shared:/v:rx" image true
gives 125 "nothing can be mounted on '/'" run -v "$shared:/" image true
gives 125 "nothing can be mounted on '/'" run -v "$shared:/x/.." image true
gives 125 'two mounts on /v' run -v "$shared:/v" -v "$scratch:/v/." image true
gives 125 'cannot mount on /etc/passwd: Not a directory' run -v "$shared:/etc/passwd" image true
gives 125 'cannot mount on /etc: Is a directory' run -v "$shared/file:/etc" image true
finish
