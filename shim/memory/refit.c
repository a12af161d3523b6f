/* SPDX-License-Identifier: MIT */
/*
 * Mappings and the sizes of their files.  What of a mapping lies behind its file's end is
 * AREA_BEYOND.  When a size changes that mappings can see, the system call that did it looks, at its
 * end, through the address spaces of all processes, and waits until those have been refitted that
 * are not as they should be; each by its own guest host, whose interrupter does it: nobody changes the
 * memory of another process.
 *
 * So no fault has to be repaired, and guest code be resumed after it, but where a host has changed a
 * file: see decisions/0027.
 */

#include "memory/refit.h"

#include <stdatomic.h>

#include "lx/errno.h"
#include "memory/area.h"
#include "memory/range.h"
#include "memory/view.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/host.h"
#include "shim/interrupt.h"
#include "shim/memory.h"
#include "shim/task.h"
#include "vfs/file.h"
#include "vfs/mapping.h"

#define WAIT_NS 50000
#define WAIT_MAX_NS 1000000000 /* for a process that the host has stopped, or that has just ended */

/*
 * Does an area show more than its file has, or less than it could?
 *   visible  bytes, what it is to show: the file may be changing.
 * Differs from Linux: code stays as it was mapped, for it was patched.
 */
static int is_misfit(const struct area *a, uint64_t *visible)
{
    if (!a->file || a->flags & (AREA_PATCHED | AREA_PRISTINE))
        return 0;
    *visible = range_visible(a);
    return a->flags & AREA_BEYOND ? *visible > 0 : *visible < a->end - a->begin;
}

static int has_misfit(const struct shim_mm *mm)
{
    uint64_t visible;
    uint32_t i = 0;
    while (i < mm->count && !is_misfit(&mm->areas[i], &visible))
        i++;
    return i < mm->count;
}

/* Let an area that was behind its file's end, as a whole, show the file. */
static void reveal(struct shim_mm *mm, uint64_t begin)
{
    struct area a = *area_at(mm, begin);
    a.flags &= ~AREA_BEYOND;
    if (range_back(mm, &a) == 0) /* trampolines may have moved the array */
        *area_at(mm, begin) = a;
}

static void hide(struct shim_mm *mm, struct area *a)
{
    a->flags |= AREA_BEYOND;
    a->text = 0;
    range_unback(mm, a);
}

void refit(struct shim_mm *mm)
{
    uint64_t next = 0, visible, asked = mm->asked; /* before any size is read */
    for (uint32_t i; (i = area_find(mm, next)) < mm->count;) {
        const struct area *a = &mm->areas[i];
        uint64_t begin = a->begin, end = next = a->end;
        if (!is_misfit(a, &visible) || area_split(mm, begin + visible) < 0)
            continue; /* or out of memory: it stays as it is, and nobody waits for it */
        if (mm->areas[i].flags & AREA_BEYOND)
            reveal(mm, begin);
        else
            hide(mm, area_at(mm, begin + visible));
        area_merge(mm, begin, end);
        mm->refit_count++;
    }
    mm->fitted = asked;
}

/* ---- All address spaces ---- */

/* The guest host of a process that runs; the container's lock is held. */
static struct shim_host *host_of(struct shim_process *p)
{
    core_lock_acquire(&p->lock);
    struct shim_host *host =
        core_list_is_empty(&p->tasks)
            ? NULL
            : CORE_LIST_ENTRY(p->tasks.next, struct shim_task, in_process)->host;
    core_lock_release(&p->lock);
    return host;
}

/*
 * Tell those that others have to refit.  Who has an address space's lock may be reading a large
 * file: then nobody waits here, with the container's lock, and its guest host has to look.
 */
static void tell(const struct shim_mm *own)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        struct shim_mm *mm = p->mm;
        if (!mm || mm == own)
            continue;
        int is_told = 1;
        if (core_lock_try(&mm->lock)) {
            is_told = has_misfit(mm);
            core_lock_release(&mm->lock);
        }
        if (!is_told)
            continue;
        atomic_fetch_add(&mm->asked, 1);
        struct shim_host *host = host_of(p);
        if (!host)
            continue;
        atomic_store(&host->interrupter.refits, 1);
        shim_interrupter_poke(&host->interrupter);
    }
    shim_container_release(c);
}

static int is_asked(const struct shim_mm *mm)
{
    return mm->asked != mm->fitted;
}

/* Does a process have yet to refit?  One that is being forked does it when it begins. */
static int is_awaited(void)
{
    struct shim_container *c = shim_container();
    int found = 0;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        const struct shim_mm *mm = CORE_LIST_ENTRY(node, struct shim_process, in_table)->mm;
        found |= mm && is_asked(mm) && mm->is_here;
    }
    shim_container_release(c);
    return found;
}

void shim_mm_mappings_apply(struct shim_task *t)
{
    struct shim_mm *mm = t->process->mm;
    core_lock_acquire(&mm->lock);
    refit(mm);
    core_lock_release(&mm->lock);
    tell(mm);
    uint64_t until = plat_clock_now(PLAT_CLOCK_MONOTONIC) + WAIT_MAX_NS;
    while (is_awaited() && plat_clock_now(PLAT_CLOCK_MONOTONIC) < until)
        plat_thread_yield(WAIT_NS);
}

/*
 * Lock an address space of this guest host that has to be refitted; NULL: none is, or (*is_busy)
 * somebody has the lock.  The lock is what keeps it: see shim_mm_put().
 */
static struct shim_mm *lock_here(const struct shim_host *host, int *is_busy)
{
    struct shim_container *c = shim_container();
    struct shim_mm *locked = NULL;
    *is_busy = 0;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        struct shim_mm *mm = p->mm;
        if (locked || !mm || !is_asked(mm) || !mm->is_here || host_of(p) != host)
            continue;
        if (core_lock_try(&mm->lock))
            locked = mm;
        else
            *is_busy = 1;
    }
    shim_container_release(c);
    return locked;
}

int shim_mm_refit_here(void)
{
    struct shim_host *host = shim_host_self();
    struct shim_mm *mm;
    int is_busy;
    if (!atomic_exchange(&host->interrupter.refits, 0))
        return 1;
    while ((mm = lock_here(host, &is_busy))) {
        refit(mm);
        core_lock_release(&mm->lock);
    }
    if (is_busy)
        atomic_store(&host->interrupter.refits, 1);
    return !is_busy;
}

int shim_mm_fault(struct shim_mm *mm, lx_uptr addr, uint64_t *seen)
{
    core_lock_acquire(&mm->lock);
    const struct area *a = area_at(mm, addr);
    struct vfs_file *file = a && a->file ? vfs_file_get(a->file) : NULL;
    core_lock_release(&mm->lock);
    if (file)
        vfs_mapping_refresh(file);
    core_lock_acquire(&mm->lock);
    if (file)
        refit(mm);
    a = area_at(mm, addr);
    int result = !a ? -LX_ENOMEM : a->flags & AREA_BEYOND ? -LX_EIO : 0;
    /* Who hides the file takes the lock before he shows it again. */
    if (file && (result == 0 ? *seen != mm->refit_count : vfs_mapping_is_hidden(file)))
        result = 1;
    *seen = mm->refit_count;
    core_lock_release(&mm->lock);
    vfs_file_put(file);
    return result;
}

/* ---- The provider ---- */

static void changed(void)
{
    struct shim_task *t = shim_task_self();
    if (!t)
        return;
    t->refits = 1;
    atomic_store(&t->attention, 1);
}

static void apply(void)
{
    struct shim_task *t = shim_task_self();
    if (t)
        shim_mm_mappings_apply(t);
}

void shim_mm_mappings_init(void)
{
    static const struct vfs_mapping_provider provider = {.changed = changed, .apply = apply};
    vfs_mapping_set_provider(&provider);
}
