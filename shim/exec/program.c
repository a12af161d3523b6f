/* SPDX-License-Identifier: MIT */
/* What a process was started with. */

#include "shim/program.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "lx/auxv.h"
#include "lx/errno.h"
#include "shim/task.h"
#include "shim/user.h"
#include "vfs/file.h"

static int copy_strings(const char *const *list, char **out, uint64_t *size)
{
    *size = 0;
    for (uint32_t i = 0; list[i]; i++)
        *size += core_str_length(list[i]) + 1;
    *out = *size ? core_arena_alloc(*size) : NULL;
    if (!*out)
        return *size ? -LX_ENOMEM : 0;
    char *at = *out;
    for (uint32_t i = 0; list[i]; i++) {
        uint64_t length = core_str_length(list[i]) + 1;
        memcpy(at, list[i], length);
        at += length;
    }
    return 0;
}

/* What stack_build() has put above `sp`: argc, argv, envp, auxv. */
static int read_stack(struct shim_program *m, uint32_t argc, uint32_t envc)
{
    lx_uptr argv = m->stack + 8, envp = argv + 8 * (argc + 1), aux = envp + 8 * (envc + 1);
    int err = 0;
    if (argc)
        err = shim_copy_in(&m->args_at, argv, sizeof m->args_at);
    if (err == 0 && envc)
        err = shim_copy_in(&m->env_at, envp, sizeof m->env_at);
    m->args_end = m->args_at + m->args_size;
    if (!envc)
        m->env_at = m->args_end;
    m->env_end = m->env_at + m->env_size;
    uint64_t pair[2] = {1, 0};
    while (err == 0 && pair[0] != LX_AT_NULL && m->aux_size < sizeof m->aux) {
        err = shim_copy_in(pair, aux + m->aux_size, sizeof pair);
        memcpy(m->aux + m->aux_size, pair, sizeof pair);
        m->aux_size += sizeof pair;
        if (pair[0] == LX_AT_SYSINFO_EHDR)
            m->vdso = pair[1];
    }
    return err;
}

static void replace(struct shim_process *p, struct shim_program *m)
{
    core_lock_acquire(&p->lock);
    struct shim_program *old = p->program;
    p->program = m;
    core_lock_release(&p->lock);
    shim_program_put(old);
}

int shim_program_set(struct shim_process *p, const struct shim_program_part *exe,
                     const struct shim_program_part *loader, const char *const *argv,
                     const char *const *envp, lx_uptr sp)
{
    struct shim_program *m = core_arena_alloc(sizeof *m);
    uint32_t argc = 0, envc = 0;
    if (!m)
        return -LX_ENOMEM;
    m->refs = 1;
    m->exe = *exe;
    m->loader = *loader;
    vfs_file_get(exe->file);
    if (loader->file)
        vfs_file_get(loader->file);
    m->stack = sp;
    while (argv[argc])
        argc++;
    while (envp[envc])
        envc++;
    int err = copy_strings(argv, &m->args, &m->args_size);
    if (err == 0)
        err = copy_strings(envp, &m->env, &m->env_size);
    if (err == 0)
        err = read_stack(m, argc, envc);
    if (err < 0) {
        shim_program_put(m);
        return err;
    }
    replace(p, m);
    return 0;
}

void shim_program_drop(struct shim_process *p)
{
    replace(p, NULL);
}

struct shim_program *shim_program_get(struct shim_process *p)
{
    core_lock_acquire(&p->lock);
    struct shim_program *m = p->program;
    if (m)
        atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    core_lock_release(&p->lock);
    return m;
}

void shim_program_share(struct shim_process *to, struct shim_process *from)
{
    to->program = shim_program_get(from);
}

void shim_program_put(struct shim_program *m)
{
    if (!m || atomic_fetch_sub(&m->refs, 1) != 1)
        return;
    vfs_file_put(m->exe.file);
    vfs_file_put(m->loader.file);
    core_arena_free(m->args, m->args_size);
    core_arena_free(m->env, m->env_size);
    core_arena_free(m, sizeof *m);
}
