/* SPDX-License-Identifier: MIT */
#ifndef LX_MOUNT_H
#define LX_MOUNT_H

/*
 * Flags of mount(2) and umount2(2).
 *
 * Source  linux/mount.h, linux/fs.h.
 */

#define LX_MS_RDONLY 0x1u
#define LX_MS_NOSUID 0x2u
#define LX_MS_NODEV 0x4u
#define LX_MS_NOEXEC 0x8u
#define LX_MS_REMOUNT 0x20u
#define LX_MS_NOSYMFOLLOW 0x100u
#define LX_MS_NOATIME 0x400u
#define LX_MS_NODIRATIME 0x800u
#define LX_MS_BIND 0x1000u
#define LX_MS_MOVE 0x2000u
#define LX_MS_REC 0x4000u
#define LX_MS_SILENT 0x8000u
#define LX_MS_UNBINDABLE 0x20000u
#define LX_MS_PRIVATE 0x40000u
#define LX_MS_SLAVE 0x80000u
#define LX_MS_SHARED 0x100000u
#define LX_MS_RELATIME 0x200000u
#define LX_MS_STRICTATIME 0x1000000u
#define LX_MS_NOUSER 0x80000000u

#define LX_MS_MGC_VAL 0xc0ed0000u
#define LX_MS_MGC_MSK 0xffff0000u

#define LX_MNT_FORCE 0x1u
#define LX_MNT_DETACH 0x2u
#define LX_MNT_EXPIRE 0x4u
#define LX_UMOUNT_NOFOLLOW 0x8u

#endif
