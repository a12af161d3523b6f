/* SPDX-License-Identifier: MIT */
#ifndef LX_PIDFD_H
#define LX_PIDFD_H

/*
 * Descriptors of processes.
 *
 * Source  pidfd_open(2), pidfd_send_signal(2).
 */

/* pidfd_open(2) */
#define LX_PIDFD_NONBLOCK 0x800 /* LX_O_NONBLOCK */
#define LX_PIDFD_THREAD 0x80    /* LX_O_EXCL */

/* pidfd_send_signal(2) */
#define LX_PIDFD_SIGNAL_THREAD 0x1
#define LX_PIDFD_SIGNAL_THREAD_GROUP 0x2
#define LX_PIDFD_SIGNAL_PROCESS_GROUP 0x4

#endif
