/* SPDX-License-Identifier: MIT */
/*
 * mq_open(2), mq_unlink(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2), mq_getsetattr(2).
 */

#include "shim/mqueue.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/resource.h"
#include "lx/signal.h"
#include "lx/time.h"
#include "plat/plat.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/time.h"
#include "sys/file.h"
#include "vfs/mqueue.h"

/* ---- What vfs asks ---- */

static void caller(struct vfs_mqueue_caller *out)
{
    const struct shim_task *t = shim_task_self();
    const struct shim_process *p = t->process;
    *out = (struct vfs_mqueue_caller){
        .pid = p->pid,
        .nice = t->nice,
        .uid = p->cred.uid,
        .program = p->exec_count,
        .is_privileged = (uint32_t)shim_process_capable(p, LX_CAP_SYS_RESOURCE),
        .limit = p->limits[LX_RLIMIT_MSGQUEUE].rlim_cur,
    };
}

/* Differs from Linux: the process is known by its number, which may be another's after it. */
static void send(const struct vfs_mqueue_signal *signal)
{
    struct shim_container *c = shim_container();
    const struct shim_task *t = shim_task_self();
    struct lx_siginfo info;
    memset(&info, 0, sizeof info);
    info.si_signo = signal->number;
    info.si_code = LX_SI_MESGQ;
    info.si_pid = t->process->pid;
    info.si_uid = t->process->cred.uid;
    info.si_value = signal->value;
    core_lock_acquire(&c->lock);
    struct shim_process *p = shim_process_find_locked(signal->pid);
    int err = p && p->exec_count == signal->program ? shim_signal_send_process_locked(p, &info) : 0;
    (void)err; /* too many are queued: it is lost */
    shim_container_release(c);
}

void shim_mqueue_init(void)
{
    static const struct vfs_mqueue_provider provider = {caller, send};
    vfs_mqueue_provide(&provider);
}

/* ---- Names ---- */

int64_t sys_mq_open(struct shim_task *t, lx_uptr name, uint32_t flags, uint32_t mode, lx_uptr attr)
{
    struct lx_mq_attr a;
    char text[SHIM_PATH_MAX];
    struct vfs_file *file;
    int64_t result = attr ? shim_copy_in(&a, attr, sizeof a) : 0;
    if (result == 0)
        result = shim_copy_path(text, name);
    if (result == 0) /* an empty name */
        result = -LX_ENOENT;
    if (result > 0)
        result =
            vfs_fdtable_has_room(t->process->fds, t->process->limits[LX_RLIMIT_NOFILE].rlim_cur);
    if (result == 0)
        result = vfs_mqueue_open(t->process->fs, text, flags, mode, attr ? &a : NULL, &file);
    return result < 0 ? result : sys_install(t, file, VFS_FD_CLOEXEC);
}

int64_t sys_mq_unlink(struct shim_task *t, lx_uptr name)
{
    char text[SHIM_PATH_MAX];
    int64_t result = shim_copy_path(text, name);
    return result < 0 ? result : vfs_mqueue_unlink(t->process->fs, text);
}

/* ---- Messages ---- */

/* The timeouts are times of day. */
static int deadline_of(lx_uptr timeout, int64_t *deadline_ns)
{
    *deadline_ns = PLAT_FOREVER;
    return timeout ? shim_time_deadline(timeout, LX_CLOCK_REALTIME, 1, deadline_ns) : 0;
}

int64_t sys_mq_timedsend(struct shim_task *t, int32_t fd, lx_uptr message, uint64_t size,
                         uint32_t priority, lx_uptr timeout)
{
    struct vfs_borrowed b;
    struct vfs_mqueue_message *m;
    int64_t deadline_ns;
    int err = deadline_of(timeout, &deadline_ns);
    if (err == 0 && priority >= LX_MQ_PRIO_MAX)
        err = -LX_EINVAL;
    if (err == 0)
        err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err < 0)
        return err;
    err = vfs_mqueue_message_new(b.file, size, priority, &m);
    if (err == 0) {
        err = shim_copy_in(m->data, message, size);
        if (err == 0)
            err = vfs_mqueue_send(b.file, m, deadline_ns, &t->sleeper);
        else
            vfs_mqueue_message_free(m);
    }
    vfs_give_back(&b);
    return sys_interrupted(err);
}

/* A message that cannot be copied is lost, as in Linux. */
static int64_t put_message(const struct vfs_mqueue_message *m, lx_uptr to, lx_uptr priority)
{
    int err = priority ? shim_copy_out(priority, &m->priority, sizeof m->priority) : 0;
    if (err == 0)
        err = shim_copy_out(to, m->data, m->size);
    return err < 0 ? err : (int64_t)m->size;
}

int64_t sys_mq_timedreceive(struct shim_task *t, int32_t fd, lx_uptr message, uint64_t size,
                            lx_uptr priority, lx_uptr timeout)
{
    struct vfs_borrowed b;
    struct vfs_mqueue_message *m;
    int64_t deadline_ns, result = deadline_of(timeout, &deadline_ns);
    if (result == 0)
        result = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (result < 0)
        return result;
    result = vfs_mqueue_receive(b.file, size, deadline_ns, &t->sleeper, &m);
    if (result == 0)
        result = put_message(m, message, priority);
    vfs_mqueue_message_free(m);
    vfs_give_back(&b);
    return sys_interrupted(result);
}

int64_t sys_mq_getsetattr(struct shim_task *t, int32_t fd, lx_uptr attr, lx_uptr old_attr)
{
    struct lx_mq_attr set, old;
    struct vfs_borrowed b;
    int err = attr ? shim_copy_in(&set, attr, sizeof set) : 0;
    if (err == 0 && attr && set.mq_flags & ~(int64_t)LX_O_NONBLOCK)
        err = -LX_EINVAL;
    if (err == 0)
        err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err < 0)
        return err;
    err = vfs_mqueue_attributes(b.file, attr ? &set : NULL, old_attr ? &old : NULL);
    vfs_give_back(&b);
    return err < 0 || !old_attr ? err : shim_copy_out(old_attr, &old, sizeof old);
}

/* ---- Notification ---- */

/* The socket and what it is to get, which lies where the signal's value would. */
static int get_cookie(struct shim_task *t, const struct lx_sigevent *e,
                      struct vfs_mqueue_notice *out)
{
    int err = shim_copy_in(out->cookie, e->sigev_value, sizeof out->cookie);
    if (err == 0)
        err = vfs_fdtable_get(t->process->fds, e->sigev_signo, &out->socket);
    return err == 0 && out->socket->kind == VFS_FILE_PATH ? -LX_EBADF : err;
}

static int get_notice(struct shim_task *t, lx_uptr event, struct vfs_mqueue_notice *out)
{
    struct lx_sigevent e;
    int err = shim_copy_in(&e, event, sizeof e);
    if (err < 0)
        return err;
    out->method = e.sigev_notify;
    switch (e.sigev_notify) {
    case LX_SIGEV_NONE:
        return 0;
    case LX_SIGEV_SIGNAL:
        out->number = e.sigev_signo;
        out->value = e.sigev_value;
        return (uint32_t)e.sigev_signo > SHIM_SIGNAL_COUNT ? -LX_EINVAL : 0;
    case LX_SIGEV_THREAD:
        return get_cookie(t, &e, out);
    default:
        return -LX_EINVAL;
    }
}

/* If the descriptor was closed meanwhile, nobody else would ever end the notification. */
static int check_still_open(struct shim_task *t, int32_t fd, struct vfs_file *file)
{
    struct vfs_file *now;
    int err = vfs_fdtable_get(t->process->fds, fd, &now);
    if (now != file) {
        vfs_mqueue_forget_process(file, t->process->fds);
        err = -LX_EBADF;
    }
    vfs_file_put(now);
    return err;
}

int64_t sys_mq_notify(struct shim_task *t, int32_t fd, lx_uptr event)
{
    struct vfs_mqueue_notice notice = {.socket = NULL};
    struct vfs_file *file = NULL;
    int err = event ? get_notice(t, event, &notice) : 0;
    if (err == 0) {
        if (vfs_fdtable_get(t->process->fds, fd, &file) < 0)
            file = NULL; /* the socket is looked at first all the same */
        err = vfs_mqueue_notify(file, event ? &notice : NULL, t->process->fds);
    }
    if (err == 0)
        err = check_still_open(t, fd, file);
    vfs_file_put(file);
    vfs_file_put(notice.socket);
    return err;
}
