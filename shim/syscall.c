/* SPDX-License-Identifier: MIT */
/*
 * The table of system calls.  What calls need and what strace prints are apart,
 * so that the hot part is small: eight bytes a call.
 */

#include "shim/syscall.h"

#include <stddef.h>

#include "lx/errno.h"
#include "plat/thread.h"

/* Thunks narrow registers as the Linux entry path does. */
#define NOSYS(nr, name, why)
#define NOPERM(nr, name, why)
#define THUNK(name, ...)                                                           \
    static int64_t thunk_##name(struct shim_task *t, const struct plat_regs *regs) \
    {                                                                              \
        (void)regs;                                                                \
        return sys_##name(__VA_ARGS__);                                            \
    }
#define A1(c) (shim_arg_##c) regs->rdi
#define A2(c) (shim_arg_##c) regs->rsi
#define A3(c) (shim_arg_##c) regs->rdx
#define A4(c) (shim_arg_##c) regs->r10
#define A5(c) (shim_arg_##c) regs->r8
#define A6(c) (shim_arg_##c) regs->r9
#define SYS0(nr, name, s, note, r) THUNK(name, t)
#define SYS1(nr, name, s, note, r, c1, a1) THUNK(name, t, A1(c1))
#define SYS2(nr, name, s, note, r, c1, a1, c2, a2) THUNK(name, t, A1(c1), A2(c2))
#define SYS3(nr, name, s, note, r, c1, a1, c2, a2, c3, a3) THUNK(name, t, A1(c1), A2(c2), A3(c3))
#define SYS4(nr, name, s, note, r, c1, a1, c2, a2, c3, a3, c4, a4) \
    THUNK(name, t, A1(c1), A2(c2), A3(c3), A4(c4))
#define SYS5(nr, name, s, note, r, c1, a1, c2, a2, c3, a3, c4, a4, c5, a5) \
    THUNK(name, t, A1(c1), A2(c2), A3(c3), A4(c4), A5(c5))
#define SYS6(nr, name, s, note, r, c1, a1, c2, a2, c3, a3, c4, a4, c5, a5, c6, a6) \
    THUNK(name, t, A1(c1), A2(c2), A3(c3), A4(c4), A5(c5), A6(c6))
#include "shim/syscalls.def"

static int64_t no_such_call(struct shim_task *t, const struct plat_regs *regs)
{
    (void)t, (void)regs;
    return -LX_ENOSYS;
}

static int64_t not_permitted(struct shim_task *t, const struct plat_regs *regs)
{
    (void)t, (void)regs;
    return -LX_EPERM;
}

const shim_syscall_handler shim_syscall_handlers[SHIM_SYSCALL_COUNT] = {
#define NOSYS(nr, name, why) [nr] = no_such_call,
#define NOPERM(nr, name, why) [nr] = not_permitted,
#define SYS0(nr, name, ...) [nr] = thunk_##name,
#define SYS1 SYS0
#define SYS2 SYS0
#define SYS3 SYS0
#define SYS4 SYS0
#define SYS5 SYS0
#define SYS6 SYS0
#include "shim/syscalls.def"
};

#define C(class) SHIM_CLASS_##class
/* clang-format off */
static const struct shim_syscall_row rows[SHIM_SYSCALL_COUNT] = {
#define NOSYS(nr, name, why) [nr] = {#name, why, SHIM_SYSCALL_NOSYS, C(I32), 0, {0}, {0}},
#define NOPERM(nr, name, why) [nr] = {#name, why, SHIM_SYSCALL_NOPERM, C(I32), 0, {0}, {0}},
#define SYS0(nr, name, s, note, r) [nr] = {#name, note, SHIM_SYSCALL_##s, C(r), 0, {0}, {0}},
#define SYS1(nr, name, s, note, r, c1, a1) \
    [nr] = {#name, note, SHIM_SYSCALL_##s, C(r), 1, {C(c1)}, {#a1}},
#define SYS2(nr, name, s, note, r, c1, a1, c2, a2) \
    [nr] = {#name, note, SHIM_SYSCALL_##s, C(r), 2, {C(c1), C(c2)}, {#a1, #a2}},
#define SYS3(nr, name, s, note, r, c1, a1, c2, a2, c3, a3) \
    [nr] = {#name, note, SHIM_SYSCALL_##s, C(r), 3, {C(c1), C(c2), C(c3)}, {#a1, #a2, #a3}},
#define SYS4(nr, name, s, note, r, c1, a1, c2, a2, c3, a3, c4, a4)                  \
    [nr] = {#name, note, SHIM_SYSCALL_##s, C(r), 4, {C(c1), C(c2), C(c3), C(c4)}, \
            {#a1, #a2, #a3, #a4}},
#define SYS5(nr, name, s, note, r, c1, a1, c2, a2, c3, a3, c4, a4, c5, a5)                 \
    [nr] = {#name, note, SHIM_SYSCALL_##s, C(r), 5, {C(c1), C(c2), C(c3), C(c4), C(c5)}, \
            {#a1, #a2, #a3, #a4, #a5}},
#define SYS6(nr, name, s, note, r, c1, a1, c2, a2, c3, a3, c4, a4, c5, a5, c6, a6) \
    [nr] = {#name, note, SHIM_SYSCALL_##s, C(r), 6,                               \
            {C(c1), C(c2), C(c3), C(c4), C(c5), C(c6)}, {#a1, #a2, #a3, #a4, #a5, #a6}},
#include "shim/syscalls.def"
};
/* clang-format on */

const struct shim_syscall_row *shim_syscall_row(uint32_t nr)
{
    static const struct shim_syscall_row none;
    return nr < SHIM_SYSCALL_COUNT ? &rows[nr] : &none;
}
