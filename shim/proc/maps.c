/* SPDX-License-Identifier: MIT */
/* /proc/PID/maps: proc_pid_maps(5). */

#include "core/arena.h"
#include "lx/errno.h"
#include "lx/stat.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "proc/proc.h"
#include "shim/memory.h"
#include "vfs/file.h"
#include "vfs/inode.h"

#define NAME_COLUMN 73u /* where names begin, in a line that is short enough */

typedef unsigned long long ull;

struct maps {
    struct vfs_text *text;
    struct vfs_fs *fs; /* the reader's */
    const struct shim_program *program;
    char *path; /* LX_PATH_MAX, in the arena */
};

static void put_file_name(struct maps *m, struct vfs_file *file)
{
    int64_t n = vfs_file_path(file, m->fs, m->path, LX_PATH_MAX);
    for (int64_t i = 0; i < n; i++) {
        if (m->path[i] == '\n')
            vfs_text_f(m->text, "\\012");
        else
            vfs_text_add(m->text, &m->path[i], 1);
    }
}

static const char *name_of(const struct maps *m, const struct shim_mm_area *a)
{
    if (m->program && m->program->vdso >= a->begin && m->program->vdso < a->end)
        return "[vdso]";
    if (a->is_shared)
        return "/dev/zero (deleted)"; /* as Linux names shared memory without a file */
    if (a->is_heap)
        return "[heap]";
    if (!m->program)
        return NULL;
    if (m->program->vdso && a->end == m->program->vdso)
        return "[vvar]"; /* what the vDSO reads lies before it */
    return m->program->stack >= a->begin && m->program->stack < a->end ? "[stack]" : NULL;
}

static void put_area(void *arg, const struct shim_mm_area *a)
{
    struct maps *m = arg;
    struct vfs_file *file = a->file;
    const char *name = NULL;
    uint64_t offset = a->offset, line = m->text->size;
    struct lx_stat st = {.st_ino = 0};
    if (!file && m->program && a->begin >= m->program->begin && a->begin < m->program->end) {
        /* Differs from Linux: a program's parts lie in memory as they lie in its file. */
        file = m->program->exe;
        offset = a->begin - m->program->begin;
    }
    if (file && vfs_file_stat(file, &st) < 0)
        file = NULL;
    if (!file) {
        name = name_of(m, a);
        offset = 0;
    }
    vfs_text_f(m->text, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ", (ull)a->begin, (ull)a->end,
               a->prot & PLAT_READ ? 'r' : '-', a->prot & PLAT_WRITE ? 'w' : '-',
               a->prot & PLAT_EXEC ? 'x' : '-', a->is_shared ? 's' : 'p', (ull)offset,
               (uint32_t)LX_MAJOR(st.st_dev), (uint32_t)LX_MINOR(st.st_dev), (ull)st.st_ino);
    if (file || name) {
        uint64_t width = m->text->size - line;
        if (width < NAME_COLUMN)
            vfs_text_f(m->text, "%*s", (int)(NAME_COLUMN - width), "");
        if (file)
            put_file_name(m, file);
        else
            vfs_text_f(m->text, "%s", name);
    }
    vfs_text_f(m->text, "\n");
}

int proc_maps(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct shim_container *c = shim_container();
    struct shim_program *program = proc_program(id);
    struct maps m = {
        .text = t,
        .fs = proc_self()->process->fs,
        .program = program,
        .path = core_arena_alloc(LX_PATH_MAX),
    };
    int err = m.path ? 0 : -LX_ENOMEM;
    core_lock_acquire(&c->lock); /* the process stays as long */
    struct shim_process *p = proc_find_locked(id).process;
    struct shim_mm *mm = p ? p->mm : NULL;
    if (err == 0 && mm)
        shim_mm_list(mm, put_area, &m);
    core_lock_release(&c->lock);
    core_arena_free(m.path, LX_PATH_MAX);
    shim_program_put(program);
    return err < 0 ? err : p ? 0 : -LX_ESRCH;
}
