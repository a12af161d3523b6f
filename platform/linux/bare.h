/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_LINUX_BARE_H
#define PLATFORM_LINUX_BARE_H

/* What linux/bare.c needs of the rest of this host; without the headers of the C library. */

#include <stdint.h>

/* An eventfd that those who wait for streams listen to; -1: there is none. */
extern int linux_doorbell __attribute__((visibility("hidden")));

/* PROT_* of PLAT_READ, _WRITE, _EXEC. */
int linux_prot(uint32_t prot);

/* Behind the gate. */
int linux_sleep_on_streams(_Atomic uint32_t *word, uint32_t streams, int64_t deadline_ns);
void linux_sleep_for(uint64_t ns);

#endif
