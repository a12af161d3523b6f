/* SPDX-License-Identifier: MIT */
#ifndef LX_RESOURCE_H
#define LX_RESOURCE_H

/*
 * Resource limits.
 *
 * Source  getrlimit(2), getrusage(2), getpriority(2).
 */

#include <stdint.h>

#define LX_PRIO_PROCESS 0
#define LX_RLIMIT_CPU 0
#define LX_RUSAGE_SELF 0
#define LX_PRIO_PGRP 1
#define LX_RLIMIT_FSIZE 1
#define LX_RUSAGE_THREAD 1
#define LX_PRIO_USER 2
#define LX_RLIMIT_DATA 2
#define LX_RLIMIT_STACK 3
#define LX_RLIMIT_CORE 4
#define LX_RLIMIT_RSS 5
#define LX_RLIMIT_NPROC 6
#define LX_RLIMIT_NOFILE 7
#define LX_RLIMIT_MEMLOCK 8
#define LX_RLIMIT_AS 9
#define LX_RLIMIT_LOCKS 10
#define LX_RLIMIT_SIGPENDING 11
#define LX_RLIMIT_MSGQUEUE 12
#define LX_RLIMIT_NICE 13
#define LX_RLIMIT_RTPRIO 14
#define LX_RLIMIT_RTTIME 15
#define LX_PRIO_MAX 20
#define LX_PRIO_MIN (-20)
#define LX_RUSAGE_BOTH (-2)
#define LX_RUSAGE_CHILDREN (-1)

/* ioprio_get(2), linux/ioprio.h */
#define LX_IOPRIO_CLASS(ioprio) ((ioprio) >> 13 & 7)
#define LX_IOPRIO_LEVEL(ioprio) ((ioprio)&7)
#define LX_IOPRIO_CLASS_NONE 0
#define LX_IOPRIO_CLASS_RT 1
#define LX_IOPRIO_CLASS_BE 2
#define LX_IOPRIO_CLASS_IDLE 3
#define LX_IOPRIO_WHO_PROCESS 1
#define LX_IOPRIO_WHO_PGRP 2
#define LX_IOPRIO_WHO_USER 3

#define LX_RLIM64_INFINITY UINT64_MAX

#endif
