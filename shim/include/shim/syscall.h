/* SPDX-License-Identifier: MIT */
#ifndef SHIM_SYSCALL_H
#define SHIM_SYSCALL_H

/*
 * System calls: the table, expanded from syscalls.def, and the handlers'
 * prototypes.  A handler is given its task and its arguments, narrowed to their
 * types as Linux' entry path does, and returns a result or -LX_E*.
 *
 * Source  syscalls(2).
 * Threads a handler runs on its task's own thread.
 */

#include <stdint.h>

#include "lx/types.h"

struct plat_regs;
struct shim_task;

/* An argument class: a C type; the name also chooses the form that strace prints. */
#define SHIM_SYSCALL_CLASSES(X)                                                 \
    X(NONE, int64_t)  /* does not return */                                     \
    X(FD, int32_t)    /* a descriptor */                                        \
    X(DIRFD, int32_t) /* a descriptor, or AT_FDCWD */                           \
    X(I32, int32_t)                                                             \
    X(U32, uint32_t)                                                            \
    X(HEX, uint32_t) /* flags without names of their own */                     \
    X(OCT, uint32_t)                                                            \
    X(I64, int64_t)                                                             \
    X(U64, uint64_t)                                                            \
    X(SIZE, uint64_t)       /* bytes */                                         \
    X(OFF, int64_t)         /* a file offset */                                 \
    X(UPTR, lx_uptr)        /* an address */                                    \
    X(ADDR, lx_uptr)        /* an address, as a result */                       \
    X(PATH, lx_uptr)        /* a path */                                        \
    X(STR, lx_uptr)         /* another string */                                \
    X(BUFIN, lx_uptr)       /* bytes read; the next argument is their number */ \
    X(BUFOUT, lx_uptr)      /* bytes written; the result is their number */     \
    X(TIMESPEC, lx_uptr)    /* a struct timespec that is read */                \
    X(OFLAGS, uint32_t)     /* O_* */                                           \
    X(ATFLAGS, uint32_t)    /* AT_* */                                          \
    X(MODE, uint32_t)       /* permission bits */                               \
    X(PROT, uint32_t)       /* PROT_* */                                        \
    X(MAPFLAGS, uint32_t)   /* MAP_* */                                         \
    X(CLONEFLAGS, uint64_t) /* CLONE_* */                                       \
    X(FUTEXOP, int32_t)     /* FUTEX_* */                                       \
    X(SIG, int32_t)         /* a signal number */                               \
    X(CLOCKID, int32_t)     /* CLOCK_* */                                       \
    X(WHENCE, int32_t)      /* SEEK_* */

enum shim_syscall_class {
#define X(class, type) SHIM_CLASS_##class,
    SHIM_SYSCALL_CLASSES(X)
#undef X
};

#define X(class, type) typedef type shim_arg_##class;
SHIM_SYSCALL_CLASSES(X)
#undef X

enum shim_syscall_support {
    SHIM_SYSCALL_NOSYS,  /* fails with ENOSYS */
    SHIM_SYSCALL_NOPERM, /* fails with EPERM */
    SHIM_SYSCALL_STUB,
    SHIM_SYSCALL_PARTIAL,
    SHIM_SYSCALL_FULL,
};

struct shim_syscall_row {
    const char *name; /* NULL: no such number */
    const char *note; /* what is missing, or why it fails; "" for none */
    uint8_t support;  /* enum shim_syscall_support */
    uint8_t result;   /* enum shim_syscall_class */
    uint8_t count;    /* arguments */
    uint8_t classes[6];
    const char *arguments[6]; /* their names */
};

#define SHIM_SYSCALL_COUNT 463u

/* The row of a number; one without a name if Linux has no such call. */
const struct shim_syscall_row *shim_syscall_row(uint32_t nr);

/* The handlers by number, each taking its arguments from the registers; NULL: no such call. */
typedef int64_t (*shim_syscall_handler)(struct shim_task *t, const struct plat_regs *regs);
extern const shim_syscall_handler shim_syscall_handlers[SHIM_SYSCALL_COUNT];

#define NOSYS(nr, name, why)
#define NOPERM(nr, name, why)
#define SYS0(nr, name, s, note, r) int64_t sys_##name(struct shim_task *t);
#define SYS1(nr, name, s, note, r, c1, a1) \
    int64_t sys_##name(struct shim_task *t, shim_arg_##c1 a1);
#define SYS2(nr, name, s, note, r, c1, a1, c2, a2) \
    int64_t sys_##name(struct shim_task *t, shim_arg_##c1 a1, shim_arg_##c2 a2);
#define SYS3(nr, name, s, note, r, c1, a1, c2, a2, c3, a3) \
    int64_t sys_##name(struct shim_task *t, shim_arg_##c1 a1, shim_arg_##c2 a2, shim_arg_##c3 a3);
#define SYS4(nr, name, s, note, r, c1, a1, c2, a2, c3, a3, c4, a4)                                \
    int64_t sys_##name(struct shim_task *t, shim_arg_##c1 a1, shim_arg_##c2 a2, shim_arg_##c3 a3, \
                       shim_arg_##c4 a4);
#define SYS5(nr, name, s, note, r, c1, a1, c2, a2, c3, a3, c4, a4, c5, a5)                        \
    int64_t sys_##name(struct shim_task *t, shim_arg_##c1 a1, shim_arg_##c2 a2, shim_arg_##c3 a3, \
                       shim_arg_##c4 a4, shim_arg_##c5 a5);
#define SYS6(nr, name, s, note, r, c1, a1, c2, a2, c3, a3, c4, a4, c5, a5, c6, a6)                \
    int64_t sys_##name(struct shim_task *t, shim_arg_##c1 a1, shim_arg_##c2 a2, shim_arg_##c3 a3, \
                       shim_arg_##c4 a4, shim_arg_##c5 a5, shim_arg_##c6 a6);
#include "shim/syscalls.def"

#endif
