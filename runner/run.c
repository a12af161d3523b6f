/* SPDX-License-Identifier: MIT */
/* The launcher: from an image's path to an exit code. */

#include "runner/run.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "core/arena.h"
#include "core/layout.h"
#include "core/segment.h"
#include "core/shared.h"
#include "environment.h"
#include "handover.h"
#include "image/config.h"
#include "image/store.h"
#include "lx/capability.h"
#include "lx/errno.h"
#include "lx/signal.h"
#include "lx/wait.h"
#include "mount.h"
#include "open.h"
#include "plat/plat.h"
#include "shim/cred.h"
#include "shim/host.h"
#include "shim/limit.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/task.h"
#include "vfs/inode.h"

#define NS_PER_MS 1000000ull
#define SPAWN_RETRY_NS (10 * NS_PER_MS)
#define END_NS (5000 * NS_PER_MS)

struct run;

/* A guest host, as the launcher knows it; by index. */
struct host {
    struct run *run;
    struct plat_process *process; /* NULL: there is none */
    _Atomic uint32_t ended;
};

struct run {
    const struct runner_options *options;
    struct core_diag *diag;
    struct image image;
    struct mounts mounts;
    struct container container;
    struct handover *handover;
    struct plat_file *files[HANDOVER_PACKS + VFS_IMAGE_PACKS_MAX + 1 + VFS_MOUNTS_MAX];
    uint32_t file_count;
    struct host hosts[SHIM_HOST_MAX];
    uint64_t imported_ns;
    _Atomic uint32_t running;    /* 1: the guest host has been started */
    _Atomic uint32_t interrupts; /* Ctrl-C so far */
    int may_keep;                /* all processes have ended by themselves */
    int32_t first_code;          /* of a guest host that ended by itself, for messages */
};

/* ---- What the guest host is told ---- */

static const char *arena_string(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = core_arena_alloc(size);
    return copy ? memcpy(copy, s, size) : NULL;
}

/* Two lists as one in the arena. */
static const char *const *arena_lists(const char *const *first, size_t first_count,
                                      const char *const *second, size_t second_count)
{
    const char **copy = core_arena_alloc((first_count + second_count + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < first_count + second_count; i++) {
        copy[i] = arena_string(i < first_count ? first[i] : second[i - first_count]);
        if (!copy[i])
            return NULL;
    }
    return copy;
}

static size_t list_count(const char *const *list)
{
    size_t count = 0;
    while (list[count])
        count++;
    return count;
}

/*
 * Entrypoint and command as docker has them: an entrypoint of the user's replaces the
 * image's and drops its command, arguments replace the command; a single program is
 * its own entrypoint.
 */
static const char *const *make_argv(const struct runner_options *o, const char *program,
                                    const struct image_config *config)
{
    const char *const *first = (const char *const *)config->entrypoint.items;
    const char *const *second = (const char *const *)config->cmd.items;
    size_t first_count = config->entrypoint.count, second_count = config->cmd.count;
    const char *given = o->entrypoint ? o->entrypoint : program;
    if (given) {
        first = &given;
        first_count = *given != 0;
        second_count = 0;
    }
    if (o->command[0]) {
        second = o->command;
        second_count = list_count(second);
    }
    return arena_lists(first, first_count, second, second_count);
}

static int hand_over_mounts(const struct mounts *mounts, struct handover *h)
{
    struct handover_mount *copy = core_arena_alloc((mounts->count + 1) * sizeof *copy);
    const char *tmpfs = arena_string("tmpfs");
    h->mounts = copy;
    h->mount_count = mounts->count;
    for (uint32_t i = 0; copy && i < mounts->count; i++) {
        const struct mount *m = &mounts->items[i];
        const struct mount_spec *s = &m->spec;
        int is_folder = s->kind == MOUNT_FOLDER;
        copy[i] = (struct handover_mount){
            .name = is_folder ? arena_string(m->name) : NULL,
            .at = arena_string(s->at),
            .tmpfs = {s->flags, s->mode, s->uid, s->gid, s->size, s->inodes, tmpfs}};
        h->folder_count += (uint32_t)is_folder;
        if ((is_folder && !copy[i].name) || !copy[i].at)
            return -LX_ENOMEM;
    }
    return copy && tmpfs ? 0 : -LX_ENOMEM;
}

/* "ALL" in one list turns the other round, as in docker. */
static uint64_t capabilities_of(const struct runner_options *o)
{
    uint64_t add = o->added_capabilities, drop = o->dropped_capabilities;
    if (o->privileged || (add == LX_CAP_ALL && drop == LX_CAP_ALL))
        return LX_CAP_ALL;
    if (add == LX_CAP_ALL)
        return LX_CAP_ALL & ~drop;
    return (SHIM_CAPABILITIES & ~drop) | add;
}

static int fill_handover(struct run *r, const char *program, const struct image_config *config)
{
    struct handover *h = r->handover;
    const struct runner_options *o = r->options;
    const char *workdir = o->workdir ? o->workdir : config->workdir;
    const char *user = o->user ? o->user : config->user;
    h->argv = make_argv(o, program, config);
    h->env = arena_lists((const char *const *)config->env.items, config->env.count, o->env,
                         list_count(o->env));
    h->workdir = arena_string(workdir ? workdir : "/");
    h->user = arena_string(user ? user : "");
    h->groups = arena_lists(o->groups, list_count(o->groups), NULL, 0);
    shim_limits_init(h->limits);
    for (size_t i = 0; i < o->ulimit_count; i++)
        h->limits[o->ulimits[i].resource] =
            (struct lx_rlimit64){o->ulimits[i].soft, o->ulimits[i].hard};
    h->capabilities = capabilities_of(o);
    h->index_size = r->image.view.index.size;
    h->whole_packs = r->image.view.whole_packs;
    h->kept = kept_now(&r->image);
    h->is_read_only = o->read_only != 0;
    h->shm_size = o->shm_size;
    if (!h->argv || !h->env || !h->workdir || !h->user || !h->groups ||
        hand_over_mounts(&r->mounts, h) < 0)
        return core_diag_set(r->diag, -LX_E2BIG, "arguments and environment are too long");
    if (!h->argv[0])
        return core_diag_set(r->diag, -LX_EINVAL,
                             "no program to run: name one after %s, as in 'tarbox run %s /bin/sh'",
                             o->image, o->image);
    return 0;
}

static int make_container(struct run *r, const char *program)
{
    int err = core_arena_create();
    if (err == 0)
        err = core_segment_init();
    if (err == 0)
        err = core_shared_init();
    if (err == 0 && r->options->storage_size)
        core_segment_set_limit(r->options->storage_size);
    if (err == 0 && r->mounts.count)
        err = plat_keeper_start();
    if (err == 0)
        err = shim_container_init();
    r->handover = err == 0 ? core_arena_alloc(sizeof *r->handover) : NULL;
    if (!r->handover)
        return core_diag_set(r->diag, err < 0 ? err : -LX_ENOMEM, "no memory for the container: %s",
                             core_diag_strerror(err < 0 ? err : -LX_ENOMEM));
    core_arena_set_root(CORE_ROOT_RUNNER, r->handover);
    struct shim_container *c = shim_container();
    c->strace = (uint32_t)r->options->strace;
    for (char **e = plat_environment(); *e; e++)
        c->chaos |= strcmp(*e, "TARBOX_CHAOS=fs") == 0;
    uint32_t id;
    plat_random(&id, sizeof id);
    snprintf(c->hostname, sizeof c->hostname, "%08x", id);
    if (r->container.name)
        snprintf(c->hostname, sizeof c->hostname, "%s", r->container.record.hostname);
    if (r->options->hostname)
        snprintf(c->hostname, sizeof c->hostname, "%s", r->options->hostname);
    c->pids_limit = r->options->pids_limit;
    struct image_config config;
    uint64_t size;
    const char *text = image_config_text(&r->image, &size);
    err = image_config_read(text, size, "the image's configuration", &config, r->diag);
    if (err == 0)
        err = fill_handover(r, program, &config);
    image_config_fini(&config);
    return err;
}

/* ---- Signals of the user ---- */

static void forward(int sig, void *arg)
{
    struct run *r = arg;
    struct lx_siginfo info;
    if (!atomic_load(&r->running))
        plat_exit(128 + sig); /* nothing is there yet that could be lost */
    struct shim_container *c = shim_container();
    memset(&info, 0, sizeof info);
    info.si_signo = sig;
    info.si_code = LX_SI_KERNEL;
    if (sig == LX_SIGINT && atomic_fetch_add(&r->interrupts, 1) > 0) {
        core_sleeper_wake(&shim_pool()->supervisor); /* the second Ctrl-C: it had its chance */
        return;
    }
    core_lock_acquire(&c->lock);
    struct shim_process *p = shim_process_find_locked(1);
    int err = p && !c->done ? shim_signal_send_process_locked(p, &info) : 0;
    (void)err; /* there is nobody to tell */
    shim_container_release(c);
}

/* ---- The end ---- */

static const char *const signal_names[] = {
    [LX_SIGHUP] = "SIGHUP",   [LX_SIGINT] = "SIGINT",   [LX_SIGQUIT] = "SIGQUIT",
    [LX_SIGILL] = "SIGILL",   [LX_SIGTRAP] = "SIGTRAP", [LX_SIGABRT] = "SIGABRT",
    [LX_SIGBUS] = "SIGBUS",   [LX_SIGFPE] = "SIGFPE",   [LX_SIGKILL] = "SIGKILL",
    [LX_SIGUSR1] = "SIGUSR1", [LX_SIGSEGV] = "SIGSEGV", [LX_SIGUSR2] = "SIGUSR2",
    [LX_SIGPIPE] = "SIGPIPE", [LX_SIGALRM] = "SIGALRM", [LX_SIGTERM] = "SIGTERM",
    [LX_SIGSYS] = "SIGSYS",
};

static int killed(struct run *r, uint32_t sig)
{
    const char *name =
        sig < sizeof signal_names / sizeof signal_names[0] ? signal_names[sig] : NULL;
    const char *const *argv = r->handover->argv;
    if (name)
        core_diag_set(r->diag, 0, "%s was ended by signal %u (%s)", argv[0], sig, name);
    else
        core_diag_set(r->diag, 0, "%s was ended by signal %u", argv[0], sig);
    return 128 + (int)sig;
}

/* The guest host is gone: what does that say about the guest? */
static int result(struct run *r, int32_t host_code)
{
    struct shim_container *c = shim_container();
    struct handover *h = r->handover;
    if (h->code) {
        core_diag_set(r->diag, 0, "%s", h->error);
        return h->code;
    }
    if (atomic_load(&c->done))
        return c->status & 0x7f ? killed(r, c->status & 0x7f) : (int)(c->status >> 8 & 0xff);
    if (atomic_load(&r->interrupts) > 1)
        return killed(r, LX_SIGKILL);
    /*
     * No status: the process vanished.  Hosts end a process without a handler when
     * there is no stack for one, so the guest has most likely run over its stack.
     */
    if (h->entered_ns)
        return killed(r, LX_SIGSEGV);
    core_diag_set(r->diag, 0, "the guest host ended unexpectedly with code %d; try 'tarbox doctor'",
                  (int)host_code);
    return RUNNER_EXIT_FAILED;
}

static void print_stats(const struct run *r)
{
    const struct shim_container *c = shim_container();
    const struct handover *h = r->handover;
    uint64_t end = plat_clock_now(PLAT_CLOCK_MONOTONIC);
    fprintf(stderr,
            "tarbox: %s in %llu ms, started in %llu ms, ran %llu ms; "
            "%llu system calls fast, %llu slow; %llu of %llu call sites and %llu of %llu "
            "thread-local sites patched; peak %llu KiB\n",
            r->image.stats.directory_count ? "imported" : "cached",
            (unsigned long long)((r->imported_ns - h->started_ns) / NS_PER_MS),
            (unsigned long long)(h->entered_ns ? (h->entered_ns - r->imported_ns) / NS_PER_MS : 0),
            (unsigned long long)(h->entered_ns ? (end - h->entered_ns) / NS_PER_MS : 0),
            (unsigned long long)c->fast_calls, (unsigned long long)c->slow_calls,
            (unsigned long long)(c->patch_sites - c->patch_unpatched),
            (unsigned long long)c->patch_sites,
            (unsigned long long)(c->tls_sites - c->tls_unpatched), (unsigned long long)c->tls_sites,
            (unsigned long long)((h->peak_size + plat_process_peak()) / 1024));
    const struct shim_pool *pool = c->pool;
    fprintf(stderr,
            "tarbox: %llu processes, %llu threads; %llu guest hosts started, %llu at once, %u left "
            "at the end; %llu KiB of objects, %llu KiB of data\n",
            (unsigned long long)c->processes_begun, (unsigned long long)c->tasks_begun,
            (unsigned long long)pool->started, (unsigned long long)pool->peak, pool->total,
            (unsigned long long)(core_arena_used() / 1024),
            (unsigned long long)(core_page_used() * CORE_PAGE_SIZE / 1024));
}

/* What every guest host inherits. */
static void choose_files(struct run *r)
{
    uint32_t count = HANDOVER_PACKS;
    r->files[HANDOVER_INDEX] = r->image.index;
    for (uint32_t i = 0; i < VFS_IMAGE_PACKS_MAX && r->image.packs[i]; i++)
        r->files[count++] = r->image.packs[i];
    if (r->handover->kept.patches_size)
        r->files[count++] = r->image.patches;
    if (r->handover->kept.images.size)
        r->files[count++] = r->image.memory;
    r->handover->folder_file = count;
    for (uint32_t i = 0; i < r->mounts.count; i++) {
        if (r->mounts.items[i].folder)
            r->files[count++] = r->mounts.items[i].folder;
    }
    r->file_count = count;
}

static void on_end(void *arg)
{
    struct host *h = arg;
    atomic_store(&h->ended, 1);
    core_sleeper_wake(&shim_pool()->supervisor);
}

/* What all share was left half changed by a guest host that is gone: nothing can go on. */
static void on_stuck(void)
{
    fputs("tarbox: a guest host ended in the middle of a change to what all share; so does the "
          "container\n",
          stderr);
    fflush(stderr);
    plat_exit(RUNNER_EXIT_FAILED);
}

/* Start guest hosts while some are needed; -LX_E* if one cannot be. */
static int start_hosts(struct run *r)
{
    int index;
    while ((index = shim_pool_add()) >= 0) {
        struct host *h = &r->hosts[index];
        char argument[64];
        snprintf(argument, sizeof argument, RUNNER_GUEST_ARGUMENT "%d", index);
        h->run = r;
        atomic_store(&h->ended, 0);
        int err =
            plat_process_spawn(runner_guest_main, argument, r->files, r->file_count, &h->process);
        if (err == 0) {
            err = plat_process_watch(h->process, on_end, h);
            if (err < 0)
                plat_process_kill(h->process);
        }
        if (err < 0) {
            shim_pool_lost((uint32_t)index, LX_SIGKILL);
            return err;
        }
    }
    return 0;
}

/* What is to be said of a guest host that ended by itself, and of what ran in it. */
static void note_end(struct run *r, uint32_t index)
{
    struct host *h = &r->hosts[index];
    int32_t code;
    int err = plat_process_wait(h->process, PLAT_FOREVER, &code);
    if (err == 0)
        r->first_code = code;
    plat_process_free(h->process);
    h->process = NULL;
    /*
     * Hosts end a process without a handler when there is no stack for one, so the guest has most
     * likely run over its stack.
     */
    shim_pool_lost(index, LX_SIGSEGV);
}

/* Note the guest hosts that have ended; 1 if there were any. */
static int look_at_hosts(struct run *r)
{
    int any = 0;
    for (uint32_t i = 0; i < SHIM_HOST_MAX; i++) {
        if (r->hosts[i].process && atomic_load(&r->hosts[i].ended)) {
            note_end(r, i);
            any = 1;
        }
    }
    return any;
}

/* Until the container's first process has ended, or its guest host. */
static void supervise(struct run *r)
{
    const struct shim_container *c = shim_container();
    struct core_sleeper *self = &shim_pool()->supervisor;
    while (!atomic_load(&c->done) && !r->handover->code && atomic_load(&r->interrupts) < 2) {
        if (look_at_hosts(r) && !shim_process_lives(1))
            return;
        if (atomic_exchange(&r->handover->is_stuck, 0) && shim_pool()->lost_count)
            on_stuck();
        int64_t deadline_ns = shim_pool_trim();
        if (start_hosts(r) < 0) /* the machine is full: again, later */
            deadline_ns = (int64_t)(plat_clock_now(PLAT_CLOCK_MONOTONIC) + SPAWN_RETRY_NS);
        int err = core_sleep(self, 0, deadline_ns);
        (void)err; /* it looks again */
    }
}

/*
 * Let the processes that are left end by themselves, so that nothing is cut off half changed: what
 * they leave behind is kept.
 *   returns  1 if all have ended; 0: one did not come to it, or was ended from outside.
 */
static int end_processes(struct run *r)
{
    int64_t until_ns = (int64_t)(plat_clock_now(PLAT_CLOCK_MONOTONIC) + END_NS);
    while (shim_process_kill_others()) {
        if ((int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC) >= until_ns)
            return 0;
        look_at_hosts(r);
        int err = core_sleep(&shim_pool()->supervisor, 0,
                             (int64_t)(plat_clock_now(PLAT_CLOCK_MONOTONIC) + NS_PER_MS));
        (void)err; /* it looks again */
    }
    return atomic_load(&shim_container()->done) != 0;
}

/* End all that are left, and see them end. */
static void end_hosts(struct run *r)
{
    int32_t code;
    for (uint32_t i = 0; i < SHIM_HOST_MAX; i++) {
        if (r->hosts[i].process)
            plat_process_kill(r->hosts[i].process);
    }
    for (uint32_t i = 0; i < SHIM_HOST_MAX; i++) {
        struct host *h = &r->hosts[i];
        while (h->process && !atomic_load(&h->ended)) {
            int err = core_sleep(&shim_pool()->supervisor, 0, PLAT_FOREVER);
            (void)err; /* it looks again */
        }
        if (h->process && plat_process_wait(h->process, PLAT_FOREVER, &code) == 0 && !r->first_code)
            r->first_code = code;
        plat_process_free(h->process);
        h->process = NULL;
    }
}

static int start_and_wait(struct run *r)
{
    choose_files(r);
    int err = start_hosts(r);
    if (err < 0) {
        core_diag_set(r->diag, err, "cannot start the guest host: %s; try 'tarbox doctor'",
                      core_diag_strerror(err));
        return RUNNER_EXIT_FAILED;
    }
    atomic_store(&r->running, 1);
    core_lock_watch(on_stuck);
    supervise(r);
    r->may_keep = r->options->name && end_processes(r);
    end_hosts(r);
    return result(r, r->first_code);
}

/* Keep what was changed, or say that it is lost, and why. */
static int keep(struct run *r)
{
    struct core_diag why = {.text = "it was ended in the middle of a change"};
    int err = -LX_EINTR;
    if (vfs_damaged() >= 0)
        err = core_diag_set(&why, -LX_EIO, "its image is damaged");
    else if (r->may_keep)
        err = container_keep(&r->container, &r->image, &why);
    return err < 0 ? core_diag_set(r->diag, err,
                                   "what this run changed in the container %s is lost: %s",
                                   r->options->name, why.text)
                   : 0;
}

int runner_run(const struct runner_options *options, struct core_diag *diag)
{
    static struct run r; /* the signal thread outlives this call */
    char program[4096];
    r.options = options;
    r.diag = diag;
    uint64_t started_ns = plat_clock_now(PLAT_CLOCK_MONOTONIC);
    if (plat_signals_watch(forward, &r) < 0) {
        core_diag_set(diag, 0, "cannot watch for signals");
        return RUNNER_EXIT_FAILED;
    }
    const struct mount_texts mounts = {options->volumes, options->tmpfs, options->mounts};
    if (mounts_open(&mounts, &r.mounts, diag) < 0 ||
        open_image(options, program, sizeof program, &r.image, diag) < 0) {
        mounts_close(&r.mounts);
        return RUNNER_EXIT_FAILED;
    }
    int code = RUNNER_EXIT_FAILED;
    if (container_open(options->name, options->root, options->image, &r.image, &r.container,
                       diag) == 0 &&
        make_container(&r, program[0] ? program : NULL) == 0) {
        r.handover->started_ns = started_ns;
        r.imported_ns = plat_clock_now(PLAT_CLOCK_MONOTONIC);
        code = start_and_wait(&r);
        if (options->stats)
            print_stats(&r);
        if (r.image.is_stored && shim_container()->new_patches)
            keep_patches(&r.image, options->root, &r.handover->kept);
        if (options->name && r.handover->entered_ns && keep(&r) < 0)
            code = RUNNER_EXIT_FAILED;
        int64_t damaged = vfs_damaged();
        if (damaged >= 0)
            report_damage(options, &r.image, (uint32_t)damaged);
    }
    container_close(&r.container);
    image_close(&r.image);
    mounts_close(&r.mounts);
    return code;
}
