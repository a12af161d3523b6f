/* SPDX-License-Identifier: MIT */
#ifndef LX_FCNTL_H
#define LX_FCNTL_H

/*
 * Opening and controlling files.
 *
 * Source  open(2), openat2(2), fcntl(2), fcntl.h of Linux.
 */

#include <stdint.h>

/* open(2) */
#define LX_O_RDONLY 0
#define LX_O_WRONLY 01
#define LX_O_RDWR 02
#define LX_O_ACCMODE 03
#define LX_O_CREAT 0100
#define LX_O_EXCL 0200
#define LX_O_NOCTTY 0400
#define LX_O_TRUNC 01000
#define LX_O_APPEND 02000
#define LX_O_NDELAY 04000
#define LX_O_NONBLOCK 04000
#define LX_O_DSYNC 010000
#define LX_O_ASYNC 020000
#define LX_O_DIRECT 040000
#define LX_O_LARGEFILE 0100000
#define LX_O_DIRECTORY 0200000
#define LX_O_NOFOLLOW 0400000
#define LX_O_NOATIME 01000000
#define LX_O_CLOEXEC 02000000
#define LX_O_SYNC 04010000
#define LX_O_PATH 010000000
#define LX_O_TMPFILE 020200000

/* the *at() calls; some have a meaning of their own in each */
#define LX_AT_SYMLINK_NOFOLLOW 0x100
#define LX_AT_EACCESS 0x200
#define LX_AT_REMOVEDIR 0x200
#define LX_AT_SYMLINK_FOLLOW 0x400
#define LX_AT_HANDLE_FID 0x200
#define LX_AT_HANDLE_MNT_ID_UNIQUE 0x1
#define LX_AT_NO_AUTOMOUNT 0x800
#define LX_AT_EMPTY_PATH 0x1000
#define LX_AT_RECURSIVE 0x8000
#define LX_AT_FDCWD (-100)

/* fcntl(2) */
#define LX_F_DUPFD 0
#define LX_F_RDLCK 0
#define LX_DN_ACCESS 1
#define LX_FD_CLOEXEC 1
#define LX_F_GETFD 1
#define LX_F_WRLCK 1
#define LX_DN_MODIFY 2
#define LX_F_SETFD 2
#define LX_F_UNLCK 2
#define LX_F_GETFL 3
#define LX_DN_CREATE 4
#define LX_F_EXLCK 4
#define LX_F_SETFL 4
#define LX_F_GETLK 5
#define LX_F_SETLK 6
#define LX_F_SETLKW 7
#define LX_DN_DELETE 8
#define LX_F_SETOWN 8
#define LX_F_SHLCK 8
#define LX_F_GETOWN 9
#define LX_F_SETSIG 10
#define LX_F_GETSIG 11
#define LX_F_SETOWN_EX 15
#define LX_DN_RENAME 16
#define LX_F_GETOWN_EX 16
#define LX_F_GETOWNER_UIDS 17
#define LX_DN_ATTRIB 32
#define LX_F_OFD_GETLK 36
#define LX_F_OFD_SETLK 37
#define LX_F_OFD_SETLKW 38
#define LX_F_LINUX_SPECIFIC_BASE 1024
#define LX_F_SETLEASE 1024
#define LX_F_GETLEASE 1025
#define LX_F_NOTIFY 1026
#define LX_F_DUPFD_QUERY 1027
#define LX_F_CANCELLK 1029
#define LX_F_DUPFD_CLOEXEC 1030
#define LX_F_SETPIPE_SZ 1031
#define LX_F_GETPIPE_SZ 1032
#define LX_F_ADD_SEALS 1033
#define LX_F_GET_SEALS 1034
#define LX_F_GET_RW_HINT 1035
#define LX_F_SET_RW_HINT 1036
#define LX_F_GET_FILE_RW_HINT 1037
#define LX_F_SET_FILE_RW_HINT 1038
#define LX_DN_MULTISHOT 2147483648

#define LX_F_OWNER_TID 0
#define LX_F_OWNER_PID 1
#define LX_F_OWNER_PGRP 2

struct lx_f_owner_ex {
    int32_t type, pid;
};
_Static_assert(sizeof(struct lx_f_owner_ex) == 8, "ABI");

/* splice(2) */
#define LX_SPLICE_F_MOVE 1
#define LX_SPLICE_F_NONBLOCK 2
#define LX_SPLICE_F_MORE 4
#define LX_SPLICE_F_GIFT 8
#define LX_SPLICE_F_ALL 15

/* seals */
#define LX_F_SEAL_SEAL 0x1
#define LX_F_SEAL_SHRINK 0x2
#define LX_F_SEAL_GROW 0x4
#define LX_F_SEAL_WRITE 0x8
#define LX_F_SEAL_FUTURE_WRITE 0x10
#define LX_F_SEAL_EXEC 0x20

/* flock(2) */
#define LX_LOCK_SH 1
#define LX_LOCK_EX 2
#define LX_LOCK_NB 4
#define LX_LOCK_UN 8
#define LX_LOCK_MAND 32
#define LX_LOCK_READ 64
#define LX_LOCK_WRITE 128
#define LX_LOCK_RW 192

/* openat2(2) */
#define LX_RESOLVE_NO_XDEV 0x1
#define LX_RESOLVE_NO_MAGICLINKS 0x2
#define LX_RESOLVE_NO_SYMLINKS 0x4
#define LX_RESOLVE_BENEATH 0x8
#define LX_RESOLVE_IN_ROOT 0x10
#define LX_RESOLVE_CACHED 0x20

struct lx_open_how {
    uint64_t flags, mode, resolve;
};

struct lx_flock {
    int16_t l_type, l_whence;
    int32_t pad;
    int64_t l_start, l_len;
    int32_t l_pid;
    int32_t pad2;
};
_Static_assert(sizeof(struct lx_flock) == 32, "ABI");

#endif
