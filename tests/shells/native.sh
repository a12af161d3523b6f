#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Run a command natively in a root file system, as a container would: in process and mount
# namespaces of its own, with /proc and an empty /tmp, under a first process that is not it.
#
#   tests/shells/native.sh ROOT COMMAND...
#
# Needs root.  Whatever it leaves running ends with it.
set -u

if [ "${INSIDE:-}" != yes ]; then
    INSIDE=yes exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi
root=$1
shift
mount --make-rprivate / && mount -t proc proc "$root/proc" && mount -t tmpfs tmpfs "$root/tmp" || exit 99
chmod 1777 "$root/tmp"
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOSTNAME=guest HOME=/root \
    chroot "$root" "$@"
code=$?
umount "$root/tmp" "$root/proc" 2>/dev/null
exit $code
