/* SPDX-License-Identifier: MIT */
/*
 * execve(2), execveat(2).
 *
 * Up to the point of no return a failure is the caller's to hear.  From there on the process has
 * one thread, its address space is gone, and a failure ends it by SIGKILL, as on Linux.
 */

#include <stdatomic.h>

#include "birth.h"
#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/resource.h"
#include "lx/signal.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/exec.h"
#include "shim/futex.h"
#include "shim/host.h"
#include "shim/memory.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"
#include "sys/file.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/inode.h"
#include "vfs/path.h"

#define STRING_MAX (32ull * CORE_PAGE_SIZE) /* execve(2): of one argument */
#define TOTAL_MAX (6ull << 20)              /* of all, at most */
#define TOTAL_MIN (32ull * CORE_PAGE_SIZE)
#define FIRST_BLOCK (8u << 10)

/* Strings and the vectors that point to them, copied from the guest into one block. */
struct strings {
    char *block;
    uint64_t size, used, limit;
    uint64_t argv, argc, envp, envc; /* offsets of the vectors, and their lengths */
};

static int make_room(struct strings *s, uint64_t more)
{
    if (s->used + more > s->limit)
        return -LX_E2BIG;
    if (s->used + more <= s->size)
        return 0;
    uint64_t size = s->size ? s->size : FIRST_BLOCK;
    while (size < s->used + more)
        size *= 2;
    char *block = core_arena_alloc(size);
    if (!block)
        return -LX_ENOMEM;
    if (s->used)
        memcpy(block, s->block, s->used);
    core_arena_free(s->block, s->size);
    s->block = block;
    s->size = size;
    return 0;
}

/* Copy a string behind the others; its offset. */
static int64_t add_string(struct strings *s, lx_uptr from)
{
    uint64_t at = s->used;
    for (;;) {
        int err = make_room(s, 256);
        if (err < 0)
            return err;
        uint64_t room = s->size - s->used < STRING_MAX ? s->size - s->used : STRING_MAX;
        if (s->used + room > s->limit)
            room = s->limit - s->used;
        int64_t length = shim_copy_string(s->block + s->used, from, room);
        if (length >= 0) {
            s->used += (uint64_t)length + 1;
            return (int64_t)at;
        }
        if (length != -LX_ENAMETOOLONG)
            return length;
        if (room >= STRING_MAX || s->used + room >= s->limit)
            return -LX_E2BIG;
        err = make_room(s, room + 1);
        if (err < 0)
            return err;
    }
}

/* Count a vector's strings; a null pointer is an empty one. */
static int count_vector(lx_uptr vector, uint64_t limit, uint64_t *count)
{
    *count = 0;
    while (vector) {
        lx_uptr string;
        int err = shim_copy_in(&string, vector + *count * sizeof string, sizeof string);
        if (err < 0)
            return err;
        if (!string)
            return 0;
        if (++*count * sizeof string > limit)
            return -LX_E2BIG;
    }
    return 0;
}

/* Copy a vector and its strings; the vector holds offsets, for the block may still move. */
static int add_vector(struct strings *s, lx_uptr vector, uint64_t count, uint64_t room,
                      uint64_t *at)
{
    s->used = (s->used + 7) & ~7ull;
    int err = make_room(s, (room + 1) * sizeof(uint64_t));
    if (err < 0)
        return err;
    *at = s->used;
    s->used += (room + 1) * sizeof(uint64_t);
    for (uint64_t i = 0; i < count; i++) {
        lx_uptr string;
        err = shim_copy_in(&string, vector + i * sizeof string, sizeof string);
        if (err < 0)
            return err;
        int64_t offset = add_string(s, string);
        if (offset < 0)
            return (int)offset;
        ((uint64_t *)(s->block + *at))[i] = (uint64_t)offset;
    }
    return 0;
}

static const char *const *resolve(struct strings *s, uint64_t at, uint64_t count)
{
    const char **vector = (const char **)(s->block + at);
    for (uint64_t i = 0; i < count; i++)
        vector[i] = s->block + ((const uint64_t *)vector)[i];
    vector[count] = NULL;
    return vector;
}

/* All that a new program is given, from the caller's memory. */
static int copy_strings(struct shim_task *t, const char *path, lx_uptr argv, lx_uptr envp,
                        struct strings *s)
{
    uint64_t stack = t->process->limits[LX_RLIMIT_STACK].rlim_cur / 4;
    s->limit = stack < TOTAL_MIN ? TOTAL_MIN : stack > TOTAL_MAX ? TOTAL_MAX : stack;
    uint64_t path_size = core_str_length(path) + 1;
    int err = make_room(s, path_size);
    if (err < 0)
        return err;
    memcpy(s->block, path, path_size);
    s->used = path_size;
    err = count_vector(argv, s->limit, &s->argc);
    if (err == 0)
        err = count_vector(envp, s->limit, &s->envc);
    if (err == 0)
        err = add_vector(s, argv, s->argc, s->argc ? s->argc : 1, &s->argv);
    if (err == 0)
        err = add_vector(s, envp, s->envc, s->envc, &s->envp);
    if (err == 0 && s->argc == 0) { /* since Linux 5.18 there is one, and it is empty */
        err = make_room(s, 1);
        if (err == 0) {
            ((uint64_t *)(s->block + s->argv))[0] = s->used;
            s->block[s->used++] = 0;
            s->argc = 1;
        }
    }
    return err;
}

/* ---- The point of no return ---- */

/* End all other threads; 0, or -LX_EAGAIN: another one is ending or replacing the process. */
static int become_single(struct shim_task *t)
{
    struct shim_process *p = t->process;
    struct shim_task *none = NULL;
    if (p->task_count == 1 && t->tid == p->pid)
        return p->exiting ? -LX_EAGAIN : 0;
    if (!atomic_compare_exchange_strong(&p->execing, &none, t))
        return -LX_EAGAIN;
    shim_process_notify(p, t);
    for (;;) {
        core_lock_acquire(&p->lock);
        uint32_t count = p->task_count;
        core_lock_release(&p->lock);
        if (p->exiting) {
            atomic_store(&p->execing, NULL);
            return -LX_EAGAIN;
        }
        if (count == 1)
            break;
        atomic_store(&t->sleeper.interrupt, 0);
        int err = core_sleep(&t->sleeper, 0, PLAT_FOREVER);
        (void)err; /* it looks again */
    }
    if (t->tid != p->pid)
        shim_task_set_tid(t, p->pid);
    atomic_store(&p->execing, NULL);
    return 0;
}

/* What execve(2) resets, but for the memory. */
static int reset(struct shim_task *t)
{
    struct shim_process *p = t->process;
    int err = shim_process_unshare_files(p);
    if (err < 0)
        return err;
    vfs_fdtable_close_exec(p->fds);
    shim_signal_reset_handlers(p);
    t->altstack = (struct lx_stack){.ss_flags = LX_SS_DISABLE};
    t->rseq = 0;
    t->restart_ns = 0;
    shim_timers_exec(p);
    p->exit_signal = LX_SIGCHLD;
    p->exec_count++;
    p->dumpable = 1;
    p->vdso_has_clock = 0;
    p->membarriers = 0;
    return 0;
}

static NORETURN void give_up(struct shim_task *t)
{
    shim_process_exit(t, LX_SIGKILL);
}

void shim_exec_here(struct shim_task *t, struct shim_exec *x)
{
    struct shim_container *c = shim_container();
    struct shim_exec_error error;
    struct shim_mm *mm;
    int err = shim_mm_new(&mm);
    core_lock_acquire(&c->lock);
    t->process->mm = mm;
    shim_container_release(c);
    if (err == 0)
        err = shim_exec_commit(t, x, &error);
    shim_exec_free(x);
    if (err < 0)
        give_up(t);
    shim_task_set_tp(t, 0);
}

/* The address space stays with those who share it: the program begins in another guest host. */
static NORETURN void begin_elsewhere(struct shim_task *t, struct shim_exec *x,
                                     struct shim_host *host)
{
    struct shim_container *c = shim_container();
    struct shim_host *left = t->host;
    struct shim_birth *birth = shim_birth_new(t);
    if (!birth) {
        shim_host_give_back(host);
        shim_exec_free(x);
        give_up(t);
    }
    birth->exec = x;
    shim_timers_stop(t->process);
    shim_interrupter_leave(t);
    core_lock_acquire(&c->lock);
    int err = shim_host_claim_locked(host, t);
    if (err == 0)
        shim_host_hand_over_locked(host, birth); /* `t` is another thread's from here on */
    shim_container_release(c);
    if (err < 0) { /* as if the host had ended a little later */
        shim_birth_free(birth);
        shim_exec_free(x);
        shim_process_exit(t, LX_SIGSEGV);
    }
    shim_host_wake(host);
    shim_host_leave(left);
}

static int64_t exec(struct shim_task *t, struct vfs_file *file, const char *path, lx_uptr argv,
                    lx_uptr envp)
{
    struct strings s;
    struct shim_exec_error error;
    struct shim_exec *x = NULL;
    struct shim_host *host = NULL;
    memset(&s, 0, sizeof s);
    int err = copy_strings(t, path, argv, envp, &s);
    if (err == 0)
        err = shim_exec_prepare(t, file, s.block, resolve(&s, s.argv, s.argc),
                                resolve(&s, s.envp, s.envc), &x, &error);
    if (err < 0) {
        core_arena_free(s.block, s.size);
        return err;
    }
    shim_exec_own(x, s.block, s.size);
    uint64_t program = shim_exec_program(x);
    if (shim_mm_users(t->process->mm) > 1)
        err = shim_host_take(t, program, &host);
    else if (program != shim_mm_program(t->process->mm))
        host = shim_host_take_with(program); /* quicker than to load it here */
    if (err == 0) {
        err = become_single(t);
        if (err < 0 && host)
            shim_host_give_back(host);
    }
    if (err < 0) {
        shim_exec_free(x);
        return err == -LX_EINTR ? -SHIM_ERESTARTNOINTR : err;
    }
    vfs_file_put(file); /* the handlers'; what is needed of it is in `x` */
    shim_task_leave_memory(t);
    shim_futex_exec(t);
    if (reset(t) < 0) {
        shim_exec_free(x);
        if (host)
            shim_host_give_back(host);
        give_up(t);
    }
    if (host) {
        shim_process_drop_mm(t->process);
        begin_elsewhere(t, x, host);
    }
    shim_process_drop_mm(t->process);
    shim_exec_here(t, x);
    return 0;
}

int64_t sys_execve(struct shim_task *t, lx_uptr path, lx_uptr argv, lx_uptr envp)
{
    char name[SHIM_PATH_MAX];
    int64_t length = shim_copy_path(name, path);
    if (length < 0)
        return length;
    if (!length)
        return -LX_ENOENT;
    struct vfs_file *file; /* looked for before the strings are: Linux' order */
    int64_t result = vfs_file_open_exec(t->process->fs, name, &file);
    if (result < 0)
        return result;
    result = exec(t, file, name, argv, envp);
    if (result < 0)
        vfs_file_put(file);
    return result;
}

/* What a program is told it is called: "/dev/fd/N", or a path from there. */
static void name_of(char name[SHIM_PATH_MAX], int32_t dirfd, const char *path)
{
    uint64_t used = core_str_copy(name, SHIM_PATH_MAX, "/dev/fd/");
    used += core_str_u64(name + used, (uint32_t)dirfd);
    if (*path) {
        name[used++] = '/';
        core_str_copy(name + used, SHIM_PATH_MAX - used, path);
    }
}

int64_t sys_execveat(struct shim_task *t, int32_t dirfd, lx_uptr path, lx_uptr argv, lx_uptr envp,
                     uint32_t flags)
{
    char given[SHIM_PATH_MAX], name[SHIM_PATH_MAX];
    struct vfs_path where;
    struct vfs_file *file, *opened;
    if (flags & ~(uint32_t)(LX_AT_EMPTY_PATH | LX_AT_SYMLINK_NOFOLLOW))
        return -LX_EINVAL;
    int64_t result = shim_copy_path(given, path);
    if (result < 0)
        return result;
    if (given[0] == '/' || (given[0] && dirfd == LX_AT_FDCWD))
        core_str_copy(name, sizeof name, given);
    else
        name_of(name, dirfd, given);
    result = sys_find(t, dirfd, path, flags, &where, &opened);
    vfs_file_put(opened);
    if (result < 0)
        return result;
    if (where.inode && VFS_IS_LNK(where.inode))
        result = -LX_ELOOP;
    else
        result = where.inode ? vfs_file_open_exec_at(t->process->fs, &where, &file) : -LX_EACCES;
    vfs_path_put(&where);
    if (result < 0)
        return result;
    result = exec(t, file, name, argv, envp);
    if (result < 0)
        vfs_file_put(file);
    return result;
}
