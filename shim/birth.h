/* SPDX-License-Identifier: MIT */
#ifndef SHIM_BIRTH_H
#define SHIM_BIRTH_H

/*
 * What a guest host is handed when it is taken out of the pool: a task, and what that begins with.
 * Private to shim.
 *
 * Threads  whoever makes it, until it is handed over.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"
#include "plat/thread.h"

struct shim_exec;
struct shim_mm_copy;
struct shim_task;

/* What a host begins with, in the arena; the host frees it. */
struct shim_birth {
    struct shim_task *task;
    struct shim_exec *exec;    /* a program to load; else, of a fork: */
    struct shim_mm_copy *copy; /* the memory's contents */
    struct plat_regs regs;
    uint64_t tp;
    uint32_t fs_mode;
    lx_uptr child_tid; /* where the child writes its id; 0: nowhere */
    uint32_t vectors_size;
    void *vectors;
};

MUST_USE struct shim_birth *shim_birth_new(struct shim_task *t);
void shim_birth_free(struct shim_birth *b);

#endif
