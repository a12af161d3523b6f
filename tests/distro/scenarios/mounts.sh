#!/bin/bash
# SPDX-License-Identifier: MIT
# Debian's mount, umount, findmnt, mountpoint and pivot_root, with CAP_SYS_ADMIN.
set -u
umask 022
base=/mnt/base
mkdir -p $base

shown() { # the mounts below the base: root, place, type, source, options of each
    sed -nE "s,^[0-9]+ [0-9]+ [0-9:]+ (.*) $base/?,\1 /,p" /proc/self/mountinfo
}
said() { # COMMAND...: with its exit code
    "$@" 2>&1
    echo "exit code $?"
}

mount -t tmpfs -o size=4m,mode=755 base $base
cd $base || exit
mkdir one two three file.d
echo text >one/file

# ---- mount ----
said mountpoint .
said mountpoint one
said mount --bind one two
said mountpoint two
cat two/file
said mount -o remount,bind,ro two
said touch two/new
shown
said umount two
said mount -o bind,ro,nosuid one two
said touch two/new
shown
said mount --move two three
said mountpoint two
ls three
said umount three
said mount -t tmpfs -o size=1m,uid=5,gid=6,mode=1700,noexec mine one
stat -c '%u %g %a' one
df --output=size,target one | tail -1 | tr -s ' '
said mount -o remount,size=2m one
df --output=size one | tail -1 | tr -d ' '
said mount -o remount,ro one
said touch one/new
said mount -o remount,rw one
touch one/new && ls one
mkdir one/deep && mount -t tmpfs deep one/deep && echo deep >one/deep/file
said mount --rbind one two
cat two/deep/file
said umount two
said umount -R two
said mount --bind one two
ls two/deep
said umount two
touch file && said mount --bind /etc/passwd file
head -1 file
said umount file
said mount --make-rprivate one
said mount --make-slave one
said mount -t strange none two
said mount --bind none two
said mount --bind one none
said umount two
said umount none

# ---- findmnt ----
findmnt -n -o TARGET,FSTYPE,SOURCE,FSROOT one
findmnt -n -r -R -o TARGET,FSTYPE,SOURCE .
findmnt -n -o OPTIONS --target one/deep/file
findmnt -n -o FSTYPE /proc
said findmnt -n two
said findmnt -n -o TARGET -t tmpfs -S deep

# ---- umount ----
(cd one/deep && said umount $base/one/deep)
exec 3<one/deep/file
said umount one/deep
exec 3<&-
said umount one/deep
mount -t tmpfs deep one/deep
cd one/deep && echo left >file
said umount -l $base/one
cat file
pwd
/bin/pwd 2>&1
cd $base || exit
ls -A one
shown

# ---- A new root, as a container or an initrd has it ----
mkdir root && mount -t tmpfs root root && cd root || exit
mkdir old proc usr tmp dev etc
for name in bin sbin lib lib64; do
    ln -s usr/$name $name
done
mount --bind /usr usr && mount -t proc proc proc && mount --rbind /dev dev
echo 'new root' >etc/mark
cat >etc/init <<'END'
cd /
cat /etc/mark
[ -f /old/etc/passwd ] && echo 'the old root is there'
umount -l /old && rmdir /old && ls /
findmnt -n -r -o TARGET,FSTYPE / /proc /usr | sed 's/overlay\|tarbox/image/'
mkdir /tmp/a && mount -t tmpfs a /tmp/a && mountpoint /tmp/a && umount /tmp/a
END
pivot_root . old
exec chroot . sh /etc/init
