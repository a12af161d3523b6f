/* SPDX-License-Identifier: MIT */
/* /proc/PID/maps, smaps and smaps_rollup: proc_pid_maps(5), proc_pid_smaps(5). */

#include "core/arena.h"
#include "core/layout.h"
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
    int sizes;  /* 1: smaps */
};

/* KiB of areas. */
struct sizes {
    ull mapped, resident, clean, dirty, shared, anonymous;
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

/* Differs from Linux: a program's parts are shown as they lie in memory, from offset 0 on. */
static struct vfs_file *file_at(const struct shim_program *p, lx_uptr at, uint64_t *offset)
{
    const struct shim_program_part *parts[] = {&p->exe, &p->loader};
    for (uint32_t i = 0; i < 2; i++) {
        if (at < parts[i]->begin || at >= parts[i]->end)
            continue;
        *offset = at - parts[i]->begin;
        return parts[i]->file;
    }
    return NULL;
}

/* Differs from Linux: all that can be accessed counts as resident. */
static void add_sizes(struct sizes *s, const struct shim_mm_area *a)
{
    ull size = (a->end - a->begin) / 1024;
    s->mapped += size;
    if (!a->prot)
        return;
    s->resident += size;
    if (a->is_shared)
        s->shared += size;
    else if (a->file && !(a->prot & PLAT_WRITE))
        s->clean += size;
    else
        s->dirty += size;
    if (!a->is_shared && (!a->file || a->prot & PLAT_WRITE))
        s->anonymous += size;
}

static void put_sizes(struct vfs_text *t, const struct sizes *s)
{
    vfs_text_f(t, "Rss:            %8llu kB\nPss:            %8llu kB\nPss_Dirty:      %8llu kB\n",
               s->resident, s->resident, s->dirty + s->shared);
    vfs_text_f(t, "Shared_Clean:   %8llu kB\nShared_Dirty:   %8llu kB\n", 0ull, s->shared);
    vfs_text_f(t, "Private_Clean:  %8llu kB\nPrivate_Dirty:  %8llu kB\n", s->clean, s->dirty);
    vfs_text_f(t, "Referenced:     %8llu kB\nAnonymous:      %8llu kB\n", s->resident,
               s->anonymous);
    static const char *const none[] = {
        "KSM:            ", "LazyFree:       ", "AnonHugePages:  ", "ShmemPmdMapped: ",
        "FilePmdMapped:  ", "Shared_Hugetlb: ", "Private_Hugetlb:", "Swap:           ",
        "SwapPss:        ", "Locked:         "};
    for (uint32_t i = 0; i < sizeof none / sizeof none[0]; i++)
        vfs_text_f(t, "%s%8u kB\n", none[i], 0u);
}

static void put_area_sizes(struct vfs_text *t, const struct shim_mm_area *a)
{
    struct sizes s = {.mapped = 0};
    add_sizes(&s, a);
    vfs_text_f(t, "Size:           %8llu kB\nKernelPageSize: %8u kB\nMMUPageSize:    %8u kB\n",
               s.mapped, CORE_PAGE_SIZE / 1024, CORE_PAGE_SIZE / 1024);
    put_sizes(t, &s);
    vfs_text_f(t, "THPeligible:           0\nVmFlags: %s%s%s%smr mw me \n",
               a->prot & PLAT_READ ? "rd " : "", a->prot & PLAT_WRITE ? "wr " : "",
               a->prot & PLAT_EXEC ? "ex " : "", a->is_shared ? "sh " : "");
}

static void put_area(void *arg, const struct shim_mm_area *a)
{
    struct maps *m = arg;
    struct vfs_file *file = a->file;
    const char *name = NULL;
    uint64_t offset = a->offset, line = m->text->size;
    struct lx_stat st = {.st_ino = 0};
    if (!file && m->program)
        file = file_at(m->program, a->begin, &offset);
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
    if (m->sizes)
        put_area_sizes(m->text, a);
}

static int put_areas(const struct vfs_proc_id *id, struct vfs_text *t, int sizes)
{
    struct shim_container *c = shim_container();
    struct shim_program *program = proc_program(id);
    struct maps m = {
        .text = t,
        .fs = shim_task_self()->process->fs,
        .program = program,
        .path = core_arena_alloc(LX_PATH_MAX),
        .sizes = sizes,
    };
    int err = m.path ? 0 : -LX_ENOMEM;
    core_lock_acquire(&c->lock); /* the process stays as long */
    struct shim_process *p = proc_find_locked(id).process;
    struct shim_mm *mm = p ? p->mm : NULL;
    if (err == 0 && mm)
        shim_mm_list(mm, put_area, &m);
    shim_container_release(c);
    core_arena_free(m.path, LX_PATH_MAX);
    shim_program_put(program);
    return err < 0 ? err : p ? 0 : -LX_ESRCH;
}

int proc_maps(const struct vfs_proc_id *id, struct vfs_text *t)
{
    return put_areas(id, t, 0);
}

int proc_smaps(const struct vfs_proc_id *id, struct vfs_text *t)
{
    return put_areas(id, t, 1);
}

struct rollup {
    struct sizes sizes;
    lx_uptr begin, end;
};

static void add_area(void *arg, const struct shim_mm_area *a)
{
    struct rollup *r = arg;
    r->begin = r->end ? r->begin : a->begin;
    r->end = a->end;
    add_sizes(&r->sizes, a);
}

int proc_smaps_rollup(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct shim_container *c = shim_container();
    struct rollup r = {.end = 0};
    core_lock_acquire(&c->lock); /* the process stays as long */
    struct shim_process *p = proc_find_locked(id).process;
    if (p && p->mm)
        shim_mm_list(p->mm, add_area, &r);
    shim_container_release(c);
    if (!r.end)
        return -LX_ESRCH;
    vfs_text_f(t, "%08llx-%08llx ---p 00000000 00:00 0 %32s[rollup]\n", (ull)r.begin, (ull)r.end,
               "");
    put_sizes(t, &r.sizes);
    return 0;
}
