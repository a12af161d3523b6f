/* SPDX-License-Identifier: MIT */
#ifndef SHIM_POLL_H
#define SHIM_POLL_H

/*
 * What a task in poll(2) or select(2) has hold of.
 *
 * Source   poll(2).
 * Threads  the task's; the launcher's, if its guest host has ended.
 * Errors   none.
 */

struct shim_task;

/* Leave all wait queues and put the files; idempotent. */
void shim_poll_drop(struct shim_task *t);

#endif
