/* SPDX-License-Identifier: MIT */
#ifndef SHIM_ALARM_H
#define SHIM_ALARM_H

/*
 * A process's real-time interval timer: a thread of the guest host that sleeps
 * until the next expiry and sends SIGALRM.  It is started with the first timer.
 *
 * Source  alarm(2), setitimer(2).
 * Threads any.
 * Errors  -LX_EAGAIN: the thread cannot be started.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct shim_task;

/*
 * Set the timer: first expiry in `value_ns`, 0 to stop it; then every
 * `interval_ns`.  What was left and the old interval come back.
 */
MUST_USE int shim_alarm_set(struct shim_task *t, uint64_t value_ns, uint64_t interval_ns,
                            uint64_t *old_value_ns, uint64_t *old_interval_ns);
void shim_alarm_get(struct shim_task *t, uint64_t *value_ns, uint64_t *interval_ns);

#endif
