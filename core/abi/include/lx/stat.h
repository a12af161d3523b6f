/* SPDX-License-Identifier: MIT */
#ifndef LX_STAT_H
#define LX_STAT_H

/*
 * File attributes.
 *
 * Source  stat(2), statx(2), statfs(2), inode(7), getdents(2).
 */

#include <stdint.h>

#include "lx/types.h"

/* st_mode */
#define LX_S_IXOTH 01
#define LX_S_IWOTH 02
#define LX_S_IROTH 04
#define LX_S_IRWXO 07
#define LX_S_IXGRP 010
#define LX_S_IWGRP 020
#define LX_S_IRGRP 040
#define LX_S_IRWXG 070
#define LX_S_IXUSR 0100
#define LX_S_IWUSR 0200
#define LX_S_IRUSR 0400
#define LX_S_IRWXU 0700
#define LX_S_ISVTX 01000
#define LX_S_ISGID 02000
#define LX_S_ISUID 04000
#define LX_S_IFIFO 010000
#define LX_S_IFCHR 020000
#define LX_S_IFDIR 040000
#define LX_S_IFBLK 060000
#define LX_S_IFREG 0100000
#define LX_S_IFLNK 0120000
#define LX_S_IFSOCK 0140000
#define LX_S_IFMT 0170000

/* statx(2) */
#define LX_STATX_TYPE 0x1
#define LX_STATX_MODE 0x2
#define LX_STATX_ATTR_COMPRESSED 0x4
#define LX_STATX_NLINK 0x4
#define LX_STATX_UID 0x8
#define LX_STATX_ATTR_IMMUTABLE 0x10
#define LX_STATX_GID 0x10
#define LX_STATX_ATIME 0x20
#define LX_STATX_ATTR_APPEND 0x20
#define LX_STATX_ATTR_NODUMP 0x40
#define LX_STATX_MTIME 0x40
#define LX_STATX_CTIME 0x80
#define LX_STATX_INO 0x100
#define LX_STATX_SIZE 0x200
#define LX_STATX_BLOCKS 0x400
#define LX_STATX_BASIC_STATS 0x7ff
#define LX_STATX_ATTR_ENCRYPTED 0x800
#define LX_STATX_BTIME 0x800
#define LX_STATX_ALL 0xfff
#define LX_STATX_ATTR_AUTOMOUNT 0x1000
#define LX_STATX_MNT_ID 0x1000
#define LX_STATX_ATTR_MOUNT_ROOT 0x2000
#define LX_STATX_DIOALIGN 0x2000
#define LX_STATX_ATTR_VERITY 0x100000
#define LX_STATX_ATTR_DAX 0x200000
#define LX_STATX__RESERVED 0x80000000u

/* statfs(2) */
#define LX_PROC_SUPER_MAGIC 0x9fa0
#define LX_SYSFS_MAGIC 0x62656572
#define LX_CGROUP2_SUPER_MAGIC 0x63677270
#define LX_EXT4_SUPER_MAGIC 0xef53
#define LX_TMPFS_MAGIC 0x1021994
#define LX_DEVPTS_SUPER_MAGIC 0x1cd1
#define LX_OVERLAYFS_SUPER_MAGIC 0x794c7630
#define LX_MQUEUE_MAGIC 0x19800202
#define LX_V9FS_MAGIC 0x1021997
#define LX_PIPEFS_MAGIC 0x50495045

#define LX_AT_STATX_SYNC_TYPE 0x6000

/* getdents(2); a file type is its S_IFMT bits shifted by 12. */
#define LX_DT_UNKNOWN 0
#define LX_DT_FIFO 1
#define LX_DT_CHR 2
#define LX_DT_DIR 4
#define LX_DT_BLK 6
#define LX_DT_REG 8
#define LX_DT_LNK 10
#define LX_DT_SOCK 12

/* Device numbers as stat(2) gives them. */
#define LX_MAKEDEV(major, minor)                                                                \
    ((uint64_t)(((major)&0xfffu) << 8 | ((minor)&0xffu)) | (uint64_t)((minor) & ~0xffu) << 12 | \
     (uint64_t)((major) & ~0xfffu) << 32)
#define LX_MAJOR(dev) ((uint32_t)((dev) >> 8 & 0xfff) | (uint32_t)((dev) >> 32 & ~0xfffu))
#define LX_MINOR(dev) ((uint32_t)((dev)&0xff) | (uint32_t)((dev) >> 12 & ~0xffu))

struct lx_stat {
    uint64_t st_dev, st_ino, st_nlink;
    uint32_t st_mode, st_uid, st_gid, pad;
    uint64_t st_rdev;
    int64_t st_size, st_blksize;
    int64_t st_blocks; /* of 512 bytes */
    struct lx_timespec st_atim, st_mtim, st_ctim;
    int64_t unused[3];
};
_Static_assert(sizeof(struct lx_stat) == 144, "ABI");

struct lx_statx_timestamp {
    int64_t tv_sec;
    uint32_t tv_nsec;
    int32_t pad;
};

struct lx_statx {
    uint32_t stx_mask, stx_blksize;
    uint64_t stx_attributes;
    uint32_t stx_nlink, stx_uid, stx_gid;
    uint16_t stx_mode, pad;
    uint64_t stx_ino, stx_size, stx_blocks, stx_attributes_mask;
    struct lx_statx_timestamp stx_atime, stx_btime, stx_ctime, stx_mtime;
    uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
    uint64_t stx_mnt_id;
    uint32_t stx_dio_mem_align, stx_dio_offset_align;
    uint64_t spare[12];
};
_Static_assert(sizeof(struct lx_statx) == 256, "ABI");

struct lx_statfs {
    int64_t f_type, f_bsize;
    uint64_t f_blocks, f_bfree, f_bavail, f_files, f_ffree;
    int32_t f_fsid[2];
    int64_t f_namelen, f_frsize, f_flags, f_spare[4];
};
_Static_assert(sizeof(struct lx_statfs) == 120, "ABI");

#endif
