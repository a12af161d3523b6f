/* SPDX-License-Identifier: MIT */
#ifndef LX_MQUEUE_H
#define LX_MQUEUE_H

/*
 * POSIX message queues.
 *
 * Source  mq_overview(7), linux/mqueue.h, linux/ipc_namespace.h.
 */

#include <stdint.h>

#define LX_MQ_PRIO_MAX 32768u /* priorities lie below */

/* /proc/sys/fs/mqueue as it is from the start, and what even CAP_SYS_RESOURCE cannot exceed. */
#define LX_MQ_QUEUES_MAX 256u
#define LX_MQ_MSG_MAX 10
#define LX_MQ_MSG_DEFAULT 10
#define LX_MQ_MSGSIZE_MAX 8192
#define LX_MQ_MSGSIZE_DEFAULT 8192
#define LX_MQ_HARD_MSG_MAX 65536
#define LX_MQ_HARD_MSGSIZE_MAX (16 << 20)

struct lx_mq_attr {
    int64_t mq_flags, mq_maxmsg, mq_msgsize, mq_curmsgs;
    int64_t reserved[4];
};
_Static_assert(sizeof(struct lx_mq_attr) == 64, "ABI");

/* mq_notify(2) with SIGEV_THREAD: the last of the bytes that the socket gets says why. */
#define LX_MQ_NOTIFY_COOKIE_LEN 32u
#define LX_MQ_NOTIFY_WOKENUP 1
#define LX_MQ_NOTIFY_REMOVED 2

#endif
