/* SPDX-License-Identifier: MIT */
#ifndef SHIM_EXEC_VDSO_CODE_H
#define SHIM_EXEC_VDSO_CODE_H

/*
 * Functions of the vDSO, as they lie in our executable: to be copied, never to
 * be called.  Private to shim/exec.
 */

#include <stdint.h>

#include "lx/types.h"

#if defined(_WIN32)
#define VDSO_SECTION "vdso$m" /* the linker sorts sections by what follows the $ */
#else
#define VDSO_SECTION "vdso_text"
#endif

#define VDSO __attribute__((sysv_abi, section(VDSO_SECTION), noinline))

VDSO int vdso_clock_gettime(int clock, struct lx_timespec *ts);
VDSO int vdso_gettimeofday(struct lx_timeval *tv, void *tz);
VDSO int64_t vdso_time(int64_t *tloc);
VDSO int64_t vdso_getcpu(uint32_t *cpu, uint32_t *node);

#endif
