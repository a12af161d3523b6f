/* SPDX-License-Identifier: MIT */
#ifndef LX_UNISTD_H
#define LX_UNISTD_H

/*
 * Small constants of many file calls.
 *
 * Source  lseek(2), access(2), fallocate(2), rename(2), pipe(2), readv(2), close_range(2), xattr(7).
 */

/* lseek(2) */
#define LX_SEEK_SET 0
#define LX_SEEK_CUR 1
#define LX_SEEK_END 2
#define LX_SEEK_DATA 3
#define LX_SEEK_HOLE 4
#define LX_SEEK_MAX 4

/* access(2) */
#define LX_F_OK 0
#define LX_X_OK 1
#define LX_W_OK 2
#define LX_R_OK 4

/* fallocate(2) */
#define LX_FALLOC_FL_KEEP_SIZE 0x1
#define LX_FALLOC_FL_PUNCH_HOLE 0x2
#define LX_FALLOC_FL_NO_HIDE_STALE 0x4
#define LX_FALLOC_FL_COLLAPSE_RANGE 0x8
#define LX_FALLOC_FL_ZERO_RANGE 0x10
#define LX_FALLOC_FL_INSERT_RANGE 0x20
#define LX_FALLOC_FL_UNSHARE_RANGE 0x40

/* rename(2) */
#define LX_RENAME_NOREPLACE 1
#define LX_RENAME_EXCHANGE 2
#define LX_RENAME_WHITEOUT 4

/* preadv2(2) */
#define LX_RWF_HIPRI 0x1
#define LX_RWF_DSYNC 0x2
#define LX_RWF_SYNC 0x4
#define LX_RWF_NOWAIT 0x8
#define LX_RWF_APPEND 0x10
#define LX_RWF_NOAPPEND 0x20
#define LX_RWF_KNOWN 0x3f

/* sync_file_range(2) */
#define LX_SYNC_FILE_RANGE_ALL 0x7

/* close_range(2) */
#define LX_CLOSE_RANGE_UNSHARE 2
#define LX_CLOSE_RANGE_CLOEXEC 4

/* posix_fadvise(2) */
#define LX_POSIX_FADV_NORMAL 0
#define LX_POSIX_FADV_RANDOM 1
#define LX_POSIX_FADV_SEQUENTIAL 2
#define LX_POSIX_FADV_WILLNEED 3
#define LX_POSIX_FADV_DONTNEED 4
#define LX_POSIX_FADV_NOREUSE 5

/* setxattr(2) */
#define LX_XATTR_CREATE 1
#define LX_XATTR_REPLACE 2
#define LX_XATTR_NAME_MAX 255
#define LX_XATTR_LIST_MAX 65536
#define LX_XATTR_SIZE_MAX 65536

/* limits */
#define LX_NAME_MAX 255
#define LX_PATH_MAX 4096
#define LX_PIPE_BUF 4096
#define LX_ARG_MAX 131072

#define LX_IOV_MAX 1024
#define LX_SYMLOOP_MAX 40 /* symbolic links followed in one path walk */

/* read(2): the most that one call transfers */
#define LX_RW_MAX 0x7ffff000u

#endif
