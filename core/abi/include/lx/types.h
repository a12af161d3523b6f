/* SPDX-License-Identifier: MIT */
#ifndef LX_TYPES_H
#define LX_TYPES_H

/*
 * Types that many calls share.
 *
 * Source  the man page of each call; asm-generic and linux headers of Linux 6.12.
 */

#include <stdint.h>

/* An address in the guest: an integer until shim_copy_in() or shim_copy_out(). */
typedef uint64_t lx_uptr;

struct lx_timespec {
    int64_t tv_sec, tv_nsec;
};

struct lx_timeval {
    int64_t tv_sec, tv_usec;
};

struct lx_itimerval {
    struct lx_timeval it_interval, it_value;
};

struct lx_itimerspec {
    struct lx_timespec it_interval, it_value;
};

struct lx_utimbuf {
    int64_t actime, modtime;
};

struct lx_iovec {
    lx_uptr iov_base;
    uint64_t iov_len;
};

struct lx_rlimit64 {
    uint64_t rlim_cur, rlim_max;
};

struct lx_rusage {
    struct lx_timeval ru_utime, ru_stime;
    int64_t ru_maxrss; /* KiB */
    int64_t ru_ixrss, ru_idrss, ru_isrss, ru_minflt, ru_majflt, ru_nswap, ru_inblock, ru_oublock;
    int64_t ru_msgsnd, ru_msgrcv, ru_nsignals, ru_nvcsw, ru_nivcsw;
};
_Static_assert(sizeof(struct lx_rusage) == 144, "ABI");

struct lx_utsname {
    char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};
_Static_assert(sizeof(struct lx_utsname) == 390, "ABI");

struct lx_sysinfo {
    int64_t uptime; /* s */
    uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    uint16_t procs, pad;
    uint32_t pad2;
    uint64_t totalhigh, freehigh;
    uint32_t mem_unit;
    uint32_t pad3;
};
_Static_assert(sizeof(struct lx_sysinfo) == 112, "ABI");

/* Clock ticks: 100 in a second. */
struct lx_tms {
    int64_t tms_utime, tms_stime, tms_cutime, tms_cstime;
};

struct lx_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[];
};

/* getdents(2): d_type is the last byte of the record. */
struct lx_dirent {
    uint64_t d_ino;
    uint64_t d_off;
    uint16_t d_reclen;
    char d_name[];
};

#endif
