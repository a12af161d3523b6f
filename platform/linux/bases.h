/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_LINUX_BASES_H
#define PLATFORM_LINUX_BASES_H

/* FS and GS base of the calling thread, also from assembly: see bases.c. */

#define LINUX_NR_ARCH_PRCTL 158
#define LINUX_SET_GS 0x1001
#define LINUX_SET_FS 0x1002
#define LINUX_GET_FS 0x1003
#define LINUX_GET_GS 0x1004

#ifndef __ASSEMBLER__

#include <stdint.h>

/* 1: by arch_prctl(2); constant once plat_start() has run. */
extern uint32_t linux_bases_by_call __attribute__((visibility("hidden")));

uint64_t linux_rdgsbase(void);
void linux_wrgsbase(uint64_t base);

#endif
#endif
