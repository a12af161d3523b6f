/* SPDX-License-Identifier: MIT */
/* Controlling terminals: whose they are, who may use them, and what happens at their end. */

#include "shim/terminal.h"

#include <stdatomic.h>

#include "lx/capability.h"
#include "lx/errno.h"
#include "lx/signal.h"
#include "shim/cred.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/task.h"
#include "vfs/tty.h"

static int is_leader(const struct shim_process *p)
{
    return p->pid == p->sid;
}

/* ---- Signals ---- */

/* As the kernel sends them: nobody is asked, and no standard signal is refused. */
static void tell_locked(struct shim_process *p, int32_t sig)
{
    struct lx_siginfo info;
    shim_signal_of_kernel(&info, sig);
    int err = shim_signal_send_process_locked(p, &info);
    (void)err;
}

/* pgid: 0: nobody. */
static void tell_group_locked(int32_t pgid, int32_t sig)
{
    CORE_LIST_FOR_EACH(node, &shim_container()->processes)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (!pgid || p->pgid != pgid)
            continue;
        tell_locked(p, sig);
        shim_signal_note_group_locked(p, (uint32_t)sig);
    }
}

static void tell_foreground(struct vfs_tty *tty, uint32_t set)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    for (; set; set &= set - 1)
        tell_group_locked(vfs_tty_owner(tty)->group, __builtin_ctz(set) + 1);
    shim_container_release(c);
}

void shim_terminal_signal(struct vfs_tty *tty, int32_t sig)
{
    tell_foreground(tty, 1u << (sig - 1));
}

/* ---- Having one ---- */

void shim_terminal_share_locked(struct shim_process *child, struct shim_process *parent)
{
    struct vfs_tty *tty = parent->tty;
    child->tty = tty ? vfs_tty_get(tty) : NULL;
}

/* Nothing is locked that its last reference would need. */
void shim_terminal_drop_locked(struct shim_process *p)
{
    vfs_tty_put(atomic_exchange(&p->tty, NULL));
}

/* The session has no terminal from now on; tty: only those have lost it that had this one. */
static void clear_session_locked(int32_t sid, const struct vfs_tty *tty)
{
    CORE_LIST_FOR_EACH(node, &shim_container()->processes)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->sid == sid && p->tty && (!tty || p->tty == tty))
            shim_terminal_drop_locked(p);
    }
}

static void set_owner_locked(struct vfs_tty *tty, int32_t session, int32_t group)
{
    struct vfs_tty_owner *owner = vfs_tty_owner(tty);
    owner->session = session;
    owner->group = group;
}

static void take_locked(struct shim_process *p, struct vfs_tty *tty)
{
    set_owner_locked(tty, p->sid, p->pgid);
    shim_terminal_drop_locked(p);
    p->tty = vfs_tty_get(tty);
}

/* tty_open_proc_set_tty() in Linux. */
static void opened(struct vfs_tty *tty)
{
    struct shim_container *c = shim_container();
    struct shim_process *p = shim_task_self()->process;
    if (!is_leader(p) || p->tty)
        return;
    core_lock_acquire(&c->lock);
    if (!p->tty && !vfs_tty_owner(tty)->session && !vfs_tty_is_hung_up(tty))
        take_locked(p, tty);
    shim_container_release(c);
}

static int may_take_locked(const struct shim_process *p, struct vfs_tty *tty, int steal, int reads)
{
    int is_admin = shim_process_capable(p, LX_CAP_SYS_ADMIN);
    if (!is_leader(p) || p->tty)
        return -LX_EPERM;
    if (vfs_tty_owner(tty)->session && !(steal && is_admin))
        return -LX_EPERM;
    return reads || is_admin ? 0 : -LX_EPERM;
}

int shim_terminal_take(struct shim_task *t, struct vfs_tty *tty, int steal, int reads)
{
    struct shim_container *c = shim_container();
    struct shim_process *p = t->process;
    core_lock_acquire(&c->lock);
    int32_t session = vfs_tty_owner(tty)->session;
    int has = is_leader(p) && session == p->sid;
    int err = has ? 0 : may_take_locked(p, tty, steal, reads);
    if (err == 0 && !has && vfs_tty_is_hung_up(tty))
        err = -LX_EIO;
    if (err == 0 && !has) {
        if (session)
            clear_session_locked(session, NULL);
        take_locked(p, tty);
    }
    shim_container_release(c);
    return err;
}

static struct vfs_tty *own(void)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    struct vfs_tty *tty = shim_task_self()->process->tty;
    if (tty)
        vfs_tty_get(tty);
    shim_container_release(c);
    return tty;
}

/* ---- Losing it ---- */

/* disassociate_ctty() in Linux: a session's leader ends, or gives its terminal up. */
static void leave_locked(struct shim_process *leader, int ends)
{
    struct vfs_tty *tty = leader->tty;
    if (tty) {
        int32_t group = vfs_tty_owner(tty)->group;
        tell_group_locked(group, LX_SIGHUP);
        if (!ends)
            tell_group_locked(group, LX_SIGCONT);
        set_owner_locked(tty, 0, 0);
        clear_session_locked(leader->sid, NULL);
    } else if (ends) {
        tell_group_locked(leader->hung_up_group, LX_SIGHUP);
        tell_group_locked(leader->hung_up_group, LX_SIGCONT);
    }
    leader->hung_up_group = 0;
}

void shim_terminal_end_locked(struct shim_process *p)
{
    if (is_leader(p))
        leave_locked(p, 1);
}

int shim_terminal_give_up(struct shim_task *t, const struct vfs_tty *tty)
{
    struct shim_container *c = shim_container();
    struct shim_process *p = t->process;
    core_lock_acquire(&c->lock);
    int err = p->tty == tty ? 0 : -LX_ENOTTY;
    if (err == 0 && is_leader(p))
        leave_locked(p, 0);
    else if (err == 0)
        shim_terminal_drop_locked(p);
    shim_container_release(c);
    return err;
}

/* Its session has it no more, and the leader hears of it: tty_signal_session_leader() in Linux. */
static void hang_up(struct vfs_tty *tty)
{
    struct shim_container *c = shim_container();
    struct vfs_tty_owner *owner = vfs_tty_owner(tty);
    core_lock_acquire(&c->lock);
    struct shim_process *leader = owner->session ? shim_process_find_locked(owner->session) : NULL;
    clear_session_locked(owner->session, tty);
    if (leader) {
        tell_locked(leader, LX_SIGHUP);
        tell_locked(leader, LX_SIGCONT);
        leader->hung_up_group = owner->group;
    }
    set_owner_locked(tty, 0, 0);
    shim_container_release(c);
}

/* ---- Job control ---- */

static int ignores(struct shim_task *t, int32_t sig)
{
    struct shim_process *p = t->process;
    if (t->sigmask & SHIM_SIGNAL_BIT(sig))
        return 1;
    core_lock_acquire(&p->signal_lock);
    int ignored = p->actions[sig - 1].sa_handler == LX_SIG_IGN;
    core_lock_release(&p->signal_lock);
    return ignored;
}

/* Someone in the background uses the terminal: __tty_check_change() in Linux. */
static int from_background_locked(struct shim_task *t, int32_t sig)
{
    if (ignores(t, sig))
        return sig == LX_SIGTTIN ? -LX_EIO : 0;
    if (shim_process_is_orphaned_locked(t->process))
        return -LX_EIO;
    tell_group_locked(t->process->pgid, sig);
    return -LX_EINTR;
}

static int may_use(struct shim_task *t, struct vfs_tty *tty, int32_t sig)
{
    struct shim_container *c = shim_container();
    const struct shim_process *p = t->process;
    const struct vfs_tty_owner *owner = vfs_tty_owner(tty);
    int err = 0;
    if (p->tty != tty || !owner->group || owner->group == p->pgid)
        return 0;
    core_lock_acquire(&c->lock);
    if (p->tty == tty && owner->group && owner->group != p->pgid)
        err = from_background_locked(t, sig);
    shim_container_release(c);
    return err;
}

static int may(struct vfs_tty *tty, int32_t sig)
{
    return may_use(shim_task_self(), tty, sig);
}

int shim_terminal_may_change(struct shim_task *t, struct vfs_tty *tty)
{
    return may_use(t, tty, LX_SIGTTOU);
}

/* The session of a group: -LX_EPERM if only something else has this number; -LX_ESRCH. */
static int32_t session_of_locked(int32_t pgid)
{
    int32_t other = shim_task_find_locked(pgid) || shim_process_find_locked(pgid);
    CORE_LIST_FOR_EACH(node, &shim_container()->processes)
    {
        const struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->pgid == pgid)
            return p->sid;
        other |= p->sid == pgid;
    }
    return other ? -LX_EPERM : -LX_ESRCH;
}

int shim_terminal_set_group(struct shim_task *t, struct vfs_tty *tty, int32_t pgid)
{
    struct shim_container *c = shim_container();
    const struct shim_process *p = t->process;
    int err = 0;
    core_lock_acquire(&c->lock);
    struct vfs_tty_owner *owner = vfs_tty_owner(tty);
    if (p->tty != tty || owner->session != p->sid)
        err = -LX_ENOTTY;
    int32_t session = err == 0 ? session_of_locked(pgid) : 0;
    if (err == 0 && session != p->sid)
        err = session < 0 ? session : -LX_EPERM;
    if (err == 0)
        owner->group = pgid;
    shim_container_release(c);
    return err;
}

void shim_terminal_init(void)
{
    static const struct vfs_tty_provider provider = {own, opened, may, tell_foreground, hang_up};
    vfs_tty_provide(&provider);
}
