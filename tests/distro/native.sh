#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Run a command natively in a root file system, as a container without a network would: in
# namespaces of its own, with docker's capabilities, /proc, /sys, /dev/shm and /dev/pts; what it
# changes is lost.  $CAPABILITY is one more.
#
#   tests/distro/native.sh ROOT SHARE COMMAND...     SHARE is a folder, seen as /share
#
# Needs root.  Whatever it leaves running ends with it.
set -u

if [ "${INSIDE:-}" != yes ]; then
    INSIDE=yes exec unshare --mount --pid --net --uts --ipc --fork --kill-child "$0" "$@"
fi
root=$1 share=$2
shift 2
for fd in /proc/self/fd/*; do # nothing is inherited but the standard streams
    fd=${fd##*/}
    ((fd < 3 || fd == 255)) || eval "exec $fd>&-"
done

prepare() {
    mount --make-rprivate / && hostname guest && busybox ip link set lo up || return
    mount -t tmpfs -o noatime tmpfs /mnt && mkdir /mnt/upper /mnt/work /mnt/root || return
    chmod 755 /mnt/upper
    mount -t overlay overlay -o "noatime,lowerdir=$root,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root ||
        return
    root=/mnt/root
    mkdir -p $root/share $root/dev/shm $root/dev/pts
    [ -c $root/dev/null ] || mknod -m 666 $root/dev/null c 1 3 || return
    mount -t proc proc $root/proc && mount -t tmpfs tmpfs $root/dev/shm &&
        chmod 1777 $root/dev/shm && mount -t sysfs -o ro sysfs $root/sys &&
        mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts $root/dev/pts &&
        mount --bind "$share" $root/share
}
prepare || exit 99
ulimit -Sn 1024 && ulimit -Hn 4096
cd /
capabilities=-all
for name in chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw \
    sys_chroot mknod audit_write setfcap ${CAPABILITY:-}; do
    capabilities+=,+$name
done
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOSTNAME=guest HOME=/root \
    setpriv --bounding-set "$capabilities" --inh-caps "-all" setsid chroot "$root" "$@"
