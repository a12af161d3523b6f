/* SPDX-License-Identifier: MIT */
#ifndef SHIM_MQUEUE_H
#define SHIM_MQUEUE_H

/*
 * Message queues: what vfs asks the shim for.
 *
 * Source  mq_overview(7).
 * Threads any.  Errors none.
 */

/* Let vfs know who calls, and send signals: vfs/mqueue.h.  Idempotent. */
void shim_mqueue_init(void);

#endif
