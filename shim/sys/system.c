/* SPDX-License-Identifier: MIT */
/*
 * The machine and the thread's own settings: uname(2), sysinfo(2), getrandom(2),
 * arch_prctl(2), sethostname(2), getcpu(2), membarrier(2), rseq(2).
 */

#include <stdatomic.h>

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/membarrier.h"
#include "lx/personality.h"
#include "lx/prctl.h"
#include "lx/random.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"

#define RELEASE "6.12.0" /* the Linux whose calls these are */

int64_t sys_uname(struct shim_task *t, lx_uptr buf)
{
    struct lx_utsname u;
    memset(&u, 0, sizeof u);
    core_str_copy(u.sysname, sizeof u.sysname, "Linux");
    core_str_copy(u.nodename, sizeof u.nodename, shim_container()->hostname);
    core_str_copy(u.release, sizeof u.release, RELEASE);
    core_str_copy(u.version, sizeof u.version, "#1 SMP Tarbox");
    int is_32 = (t->process->personality & LX_PER_MASK) == LX_PER_LINUX32;
    core_str_copy(u.machine, sizeof u.machine, is_32 ? "i686" : "x86_64");
    core_str_copy(u.domainname, sizeof u.domainname, "(none)");
    return shim_copy_out(buf, &u, sizeof u);
}

int64_t sys_sysinfo(struct shim_task *t, lx_uptr info)
{
    struct lx_sysinfo s;
    memset(&s, 0, sizeof s);
    plat_memory_info(&s.totalram, &s.freeram);
    s.uptime = (int64_t)plat_uptime_s();
    s.procs = (uint16_t)t->process->task_count;
    s.mem_unit = 1;
    return shim_copy_out(info, &s, sizeof s);
}

int64_t sys_getrandom(struct shim_task *t, lx_uptr buf, uint64_t size, uint32_t flags)
{
    (void)t;
    uint8_t bytes[256];
    if (flags & ~(uint32_t)(LX_GRND_NONBLOCK | LX_GRND_RANDOM | LX_GRND_INSECURE) ||
        (flags & LX_GRND_RANDOM && flags & LX_GRND_INSECURE))
        return -LX_EINVAL;
    if (size > INT32_MAX)
        size = INT32_MAX;
    uint64_t done = 0;
    while (done < size) {
        uint64_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        plat_random(bytes, part);
        if (shim_copy_out(buf + done, bytes, part) < 0)
            break;
        done += part;
    }
    return done || !size ? (int64_t)done : -LX_EFAULT;
}

int64_t sys_arch_prctl(struct shim_task *t, uint32_t option, uint64_t arg)
{
    switch (option) {
    case LX_ARCH_SET_FS:
        if (arg >> 47)
            return -LX_EPERM;
        shim_task_set_tp(t, arg);
        return 0;
    case LX_ARCH_GET_FS:
        return shim_copy_out(arg, &t->plat->guest_fs, sizeof t->plat->guest_fs);
    case LX_ARCH_GET_GS: {
        uint64_t none = 0;
        return shim_copy_out(arg, &none, sizeof none);
    }
    case LX_ARCH_SET_GS: /* Differs from Linux: GS base is the host's */
        return -LX_EPERM;
    default:
        return -LX_EINVAL;
    }
}

int64_t sys_getcpu(struct shim_task *t, lx_uptr cpu, lx_uptr node)
{
    (void)t;
    uint32_t current = plat_cpu_current(), zero = 0;
    int err = cpu ? shim_copy_out(cpu, &current, sizeof current) : 0;
    if (err == 0 && node)
        err = shim_copy_out(node, &zero, sizeof zero);
    return err;
}

#define EXPEDITED                                                               \
    (LX_MEMBARRIER_CMD_GLOBAL_EXPEDITED | LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED | \
     LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE)
#define REGISTRATIONS (EXPEDITED << 1) /* each the next number */

/* All threads are interrupted, in this process or in all, whatever was registered. */
int64_t sys_membarrier(struct shim_task *t, int32_t command, uint32_t flags, int32_t cpu)
{
    _Atomic uint32_t *registered = &t->process->membarriers;
    (void)cpu; /* only with flags of restartable sequences */
    if (flags)
        return -LX_EINVAL;
    switch (command) {
    case LX_MEMBARRIER_CMD_QUERY:
        return LX_MEMBARRIER_CMD_GLOBAL | EXPEDITED | REGISTRATIONS |
               LX_MEMBARRIER_CMD_GET_REGISTRATIONS;
    case LX_MEMBARRIER_CMD_GLOBAL:
    case LX_MEMBARRIER_CMD_GLOBAL_EXPEDITED:
        return plat_barrier(1);
    case LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED:
    case LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
        return atomic_load(registered) & (uint32_t)command << 1 ? plat_barrier(0) : -LX_EPERM;
    case LX_MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
    case LX_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
    case LX_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
        atomic_fetch_or(registered, (uint32_t)command);
        return 0;
    case LX_MEMBARRIER_CMD_GET_REGISTRATIONS:
        return atomic_load(registered);
    default:
        return -LX_EINVAL;
    }
}

/* glibc accepts a refusal: without preemption notices from the host it cannot be kept. */
int64_t sys_rseq(struct shim_task *t, lx_uptr area, uint32_t size, int32_t flags, uint32_t sig)
{
    (void)t, (void)area, (void)size, (void)flags, (void)sig;
    return -LX_ENOSYS;
}
