/* SPDX-License-Identifier: MIT */
#ifndef SHIM_PROGRAM_H
#define SHIM_PROGRAM_H

/*
 * What a process was started with, as /proc shows it: its program's file, arguments,
 * environment and auxiliary vector.  Made at exec, then constant, and shared by what
 * fork makes of the process.
 *
 * Differs from Linux: arguments and environment are those of the start.  What a program
 * writes over them later (setproctitle(3)) is not seen in /proc/PID/cmdline.
 *
 * Source  proc(5).
 * Threads any, of any process; references are counted.
 * Errors  -LX_ENOMEM.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"

struct shim_process;
struct vfs_file;

#define SHIM_AUX_MAX (32 * 16) /* bytes of the auxiliary vector */

/* A file and where it was loaded. */
struct shim_program_part {
    struct vfs_file *file; /* NULL: there is none */
    lx_uptr begin, end;
};

struct shim_program {
    _Atomic uint32_t refs;
    struct shim_program_part exe, loader;       /* the program and its dynamic loader: references */
    char *args, *env;                           /* in the arena: strings, each with its end */
    uint64_t args_size, env_size;               /* bytes */
    uint64_t aux_size;                          /* bytes */
    uint8_t aux[SHIM_AUX_MAX];                  /* as on the stack */
    lx_uptr stack;                              /* where the stack pointer began */
    lx_uptr args_at, args_end, env_at, env_end; /* on the stack */
    lx_uptr vdso;                               /* 0: none */
};

/*
 * Note what the process runs from now on; it has been loaded in this guest host.
 *   exe, loader  their files are borrowed.
 *   sp           the stack pointer it starts with.
 */
MUST_USE int shim_program_set(struct shim_process *p, const struct shim_program_part *exe,
                              const struct shim_program_part *loader, const char *const *argv,
                              const char *const *envp, lx_uptr sp);

/* Let a new process share it. */
void shim_program_share(struct shim_process *to, struct shim_process *from);

/* The process has ended: it shows nothing any more. */
void shim_program_drop(struct shim_process *p);

/* NULL is ignored. */
void shim_program_put(struct shim_program *program);

/* A process's: a reference, or NULL. */
struct shim_program *shim_program_get(struct shim_process *p);

#endif
