/* SPDX-License-Identifier: MIT */
/*
 * prctl(2), personality(2).
 *
 * Options are those of Linux 6.12 that a process without privilege may use; the rest is
 * refused as a Linux without it refuses.
 */

#include "lx/prctl.h"

#include "core/mem.h"
#include "lx/capability.h"
#include "lx/errno.h"
#include "lx/mman.h"
#include "lx/personality.h"
#include "shim/cred.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"

#define TIMER_SLACK_NS 50000 /* the first process's */

static int64_t put_word(lx_uptr to, uint32_t value)
{
    return shim_copy_out(to, &value, sizeof value);
}

static int64_t set_name(struct shim_task *t, lx_uptr from)
{
    char name[SHIM_COMM_SIZE];
    int64_t length = shim_copy_string(name, from, sizeof name);
    if (length == -LX_EFAULT)
        return length;
    name[sizeof name - 1] = 0; /* longer ones are cut */
    memset(t->comm, 0, sizeof t->comm);
    core_str_copy(t->comm, sizeof t->comm, name);
    return 0;
}

/* ---- Capabilities: cap_task_prctl() in Linux ---- */

static int64_t drop_from_bounding(struct shim_process *p, uint64_t capability)
{
    if (!shim_process_capable(p, LX_CAP_SETPCAP))
        return -LX_EPERM;
    if (capability > LX_CAP_LAST)
        return -LX_EINVAL;
    p->cred.bounding &= ~LX_CAP_BIT(capability);
    return 0;
}

static int64_t set_securebits(struct shim_process *p, uint64_t bits)
{
    uint32_t old = p->cred.securebits, locks = old & LX_SECURE_ALL_LOCKS;
    if ((locks >> 1) & (old ^ bits) || locks & ~bits ||
        bits & ~(uint64_t)(LX_SECURE_ALL_BITS | LX_SECURE_ALL_LOCKS) ||
        !shim_process_capable(p, LX_CAP_SETPCAP))
        return -LX_EPERM;
    p->cred.securebits = (uint32_t)bits;
    return 0;
}

static int64_t set_keepcaps(struct shim_process *p, uint64_t keep)
{
    if (keep > 1)
        return -LX_EINVAL;
    if (p->cred.securebits & LX_SECBIT_KEEP_CAPS_LOCKED)
        return -LX_EPERM;
    p->cred.securebits &= ~LX_SECBIT_KEEP_CAPS;
    p->cred.securebits |= keep ? LX_SECBIT_KEEP_CAPS : 0;
    return 0;
}

static int64_t change_ambient(struct shim_process *p, uint64_t what, uint64_t capability)
{
    struct shim_cred *c = &p->cred;
    if (what == LX_PR_CAP_AMBIENT_CLEAR_ALL) {
        if (capability)
            return -LX_EINVAL;
        c->ambient = 0;
        return 0;
    }
    if (capability > LX_CAP_LAST)
        return -LX_EINVAL;
    uint64_t bit = LX_CAP_BIT(capability);
    switch (what) {
    case LX_PR_CAP_AMBIENT_IS_SET:
        return (c->ambient & bit) != 0;
    case LX_PR_CAP_AMBIENT_RAISE:
        if (!(c->permitted & c->inheritable & bit) ||
            c->securebits & LX_SECBIT_NO_CAP_AMBIENT_RAISE)
            return -LX_EPERM;
        c->ambient |= bit;
        return 0;
    case LX_PR_CAP_AMBIENT_LOWER:
        c->ambient &= ~bit;
        return 0;
    default:
        return -LX_EINVAL;
    }
}

/* The options about credentials; 0 if it is none of them. */
static int change_cred(struct shim_process *p, int32_t option, const uint64_t arg[4],
                       int64_t *result)
{
    int found = 1;
    core_lock_acquire(&p->lock);
    switch (option) {
    case LX_PR_CAPBSET_READ:
        *result = arg[0] > LX_CAP_LAST ? -LX_EINVAL : (int64_t)(p->cred.bounding >> arg[0] & 1);
        break;
    case LX_PR_CAPBSET_DROP:
        *result = drop_from_bounding(p, arg[0]);
        break;
    case LX_PR_GET_SECUREBITS:
        *result = p->cred.securebits;
        break;
    case LX_PR_SET_SECUREBITS:
        *result = set_securebits(p, arg[0]);
        break;
    case LX_PR_GET_KEEPCAPS:
        *result = (p->cred.securebits & LX_SECBIT_KEEP_CAPS) != 0;
        break;
    case LX_PR_SET_KEEPCAPS:
        *result = set_keepcaps(p, arg[0]);
        break;
    case LX_PR_CAP_AMBIENT:
        *result = arg[2] || arg[3] ? -LX_EINVAL : change_ambient(p, arg[0], arg[1]);
        break;
    default:
        found = 0;
    }
    core_lock_release(&p->lock);
    return found;
}

/* ---- The rest ---- */

/* Machine checks: there are none; PR_MCE_KILL_GET says what was chosen. */
static int64_t set_mce_kill(struct shim_process *p, const uint64_t arg[4])
{
    if (arg[2] || arg[3])
        return -LX_EINVAL;
    if (arg[0] == LX_PR_MCE_KILL_CLEAR && !arg[1]) {
        p->mce_kill = LX_PR_MCE_KILL_DEFAULT;
        return 0;
    }
    if (arg[0] != LX_PR_MCE_KILL_SET || arg[1] > LX_PR_MCE_KILL_DEFAULT)
        return -LX_EINVAL;
    p->mce_kill = (uint32_t)arg[1];
    return 0;
}

/* A name for /proc/PID/maps, which has none: checked. */
static int64_t set_vma_name(uint64_t what, lx_uptr start, uint64_t size)
{
    if (what != LX_PR_SET_VMA_ANON_NAME || start & 4095 || start + size < start)
        return -LX_EINVAL;
    return 0;
}

static int64_t set_timer_slack(struct shim_task *t, uint64_t ns)
{
    t->timer_slack_ns = ns;
    return 0;
}

/* The processor's weaknesses are the host's affair. */
static int64_t speculation(const uint64_t arg[4], int is_set)
{
    if ((!is_set && arg[1]) || arg[2] || arg[3])
        return -LX_EINVAL;
    if (arg[0] > LX_PR_SPEC_L1D_FLUSH)
        return -LX_ENODEV;
    return is_set ? -LX_ENXIO : LX_PR_SPEC_NOT_AFFECTED;
}

int64_t sys_prctl(struct shim_task *t, int32_t option, uint64_t arg2, uint64_t arg3, uint64_t arg4,
                  uint64_t arg5)
{
    struct shim_process *p = t->process;
    const uint64_t arg[4] = {arg2, arg3, arg4, arg5};
    int any_after_2 = arg3 || arg4 || arg5;
    int64_t result;
    if (change_cred(p, option, arg, &result))
        return result;
    switch (option) {
    case LX_PR_SET_NAME:
        return set_name(t, arg2);
    case LX_PR_GET_NAME:
        return shim_copy_out(arg2, t->comm, sizeof t->comm);
    case LX_PR_GET_DUMPABLE:
        return p->dumpable;
    case LX_PR_SET_DUMPABLE:
        if (arg2 > 1)
            return -LX_EINVAL;
        p->dumpable = (int32_t)arg2;
        return 0;
    case LX_PR_SET_PDEATHSIG:
        if (arg2 > SHIM_SIGNAL_COUNT)
            return -LX_EINVAL;
        p->death_signal = (int32_t)arg2;
        return 0;
    case LX_PR_GET_PDEATHSIG:
        return put_word(arg2, (uint32_t)p->death_signal);
    case LX_PR_SET_CHILD_SUBREAPER:
        p->subreaper = arg2 != 0;
        return 0;
    case LX_PR_GET_CHILD_SUBREAPER:
        return put_word(arg2, p->subreaper);
    case LX_PR_SET_NO_NEW_PRIVS:
        if (arg2 != 1 || any_after_2)
            return -LX_EINVAL;
        p->no_new_privs = 1;
        return 0;
    case LX_PR_GET_NO_NEW_PRIVS:
        return arg2 || any_after_2 ? -LX_EINVAL : (int64_t)p->no_new_privs;
    case LX_PR_SET_THP_DISABLE:
        if (any_after_2)
            return -LX_EINVAL;
        p->thp_disabled = arg2 != 0;
        return 0;
    case LX_PR_GET_THP_DISABLE:
        return arg2 || any_after_2 ? -LX_EINVAL : (int64_t)p->thp_disabled;
    case LX_PR_SET_TIMERSLACK:
        return set_timer_slack(t, arg2);
    case LX_PR_GET_TIMERSLACK:
        return t->timer_slack_ns ? (int64_t)t->timer_slack_ns : TIMER_SLACK_NS;
    case LX_PR_GET_TIMING:
        return LX_PR_TIMING_STATISTICAL;
    case LX_PR_SET_TIMING:
        return arg2 == LX_PR_TIMING_STATISTICAL ? 0 : -LX_EINVAL;
    case LX_PR_GET_TSC:
        return put_word(arg2, LX_PR_TSC_ENABLE);
    case LX_PR_SET_TSC: /* Differs from Linux: rdtsc cannot be made to fail */
        return arg2 == LX_PR_TSC_ENABLE ? 0 : -LX_EINVAL;
    case LX_PR_TASK_PERF_EVENTS_DISABLE:
    case LX_PR_TASK_PERF_EVENTS_ENABLE:
    case LX_PR_GET_SECCOMP:
        return 0; /* there are no events, and no filter */
    case LX_PR_MCE_KILL:
        return set_mce_kill(p, arg);
    case LX_PR_MCE_KILL_GET:
        return arg2 || any_after_2 ? -LX_EINVAL : (int64_t)p->mce_kill;
    case LX_PR_SET_MM: /* takes CAP_SYS_RESOURCE */
        return arg5 || (arg4 && arg2 != LX_PR_SET_MM_AUXV) ? -LX_EINVAL : -LX_EPERM;
    case LX_PR_GET_TID_ADDRESS:
        return shim_copy_out(arg2, &t->clear_child_tid, sizeof t->clear_child_tid);
    case LX_PR_GET_SPECULATION_CTRL:
        return speculation(arg, 0);
    case LX_PR_SET_SPECULATION_CTRL:
        return speculation(arg, 1);
    case LX_PR_SET_IO_FLUSHER:
    case LX_PR_GET_IO_FLUSHER:
        return -LX_EPERM; /* takes CAP_SYS_RESOURCE */
    case LX_PR_SET_VMA:
        return set_vma_name(arg2, arg3, arg4);
    case LX_PR_SCHED_CORE:
        return -LX_ENODEV;
    default:
        return -LX_EINVAL;
    }
}

int64_t sys_personality(struct shim_task *t, uint32_t persona)
{
    uint32_t old = t->process->personality;
    if (persona != LX_PER_QUERY)
        t->process->personality = persona;
    return (int64_t)old;
}
