/* SPDX-License-Identifier: MIT */
/* What a guest host keeps of the memory of a process that has ended. */

#include "memory/keep.h"

#include <stdatomic.h>

#include "core/layout.h"
#include "core/lock.h"
#include "core/mem.h"
#include "memory/area.h"
#include "plat/plat.h"
#include "shim/host.h"

#define KEPT_MAX 64u
#define AREA_KEPT_MAX (64ull << 20)
#define DIRTY_SMALL (256ull << 10) /* so much is overwritten faster than the host gives it anew */
#define DIRTY_STACK (64ull << 10)  /* of a stack, at its upper end */
#define DIRTY_ALL (256ull << 20)   /* of larger ones, in all hosts of the container */

struct kept {
    uint64_t begin, end, text;
    uint64_t dirty; /* from here on it holds what was left there; end: nowhere */
    uint32_t prot;
    uint32_t counts; /* 1: as part of DIRTY_ALL */
};

static struct {
    struct core_lock lock; /* guards all */
    _Atomic uint32_t count;
    struct kept items[KEPT_MAX];
} g_kept = {.lock = {.rank = CORE_LOCK_RESERVED}};

static int is_stack(const struct area *a)
{
    return a->begin >= CORE_STACK_BASE && a->end <= CORE_STACK_END;
}

/* As far as some of its pages tell. */
static int looks_full(const struct area *a)
{
    uint64_t pages[PLAT_RESIDENT_MAX], count = (a->end - a->begin) / CORE_PAGE_SIZE;
    for (uint32_t i = 0; i < PLAT_RESIDENT_MAX; i++)
        pages[i] = a->begin + (count - 1) * i / (PLAT_RESIDENT_MAX - 1) * CORE_PAGE_SIZE;
    return plat_mem_is_resident(pages, PLAT_RESIDENT_MAX);
}

/*
 * Is a large area as good as full?  Then the next process, a fork of the same one, fills it again.
 * It counts against what may be kept.
 */
static int take_large(const struct area *a)
{
    struct shim_host *host = shim_host_self();
    uint64_t size = a->end - a->begin;
    if (!host || !looks_full(a))
        return 0;
    if (atomic_fetch_add(&shim_pool()->kept_size, size) + size > DIRTY_ALL) {
        atomic_fetch_sub(&shim_pool()->kept_size, size);
        return 0;
    }
    atomic_fetch_add(&host->kept_size, size);
    return 1;
}

/* The memory of a kept area is used, or given back. */
static void end_locked(struct kept *k)
{
    if (k->counts) {
        atomic_fetch_sub(&shim_host_self()->kept_size, k->end - k->begin);
        atomic_fetch_sub(&shim_pool()->kept_size, k->end - k->begin);
    }
    *k = g_kept.items[--g_kept.count];
}

void keep_area(const struct area *a)
{
    struct kept k = {a->begin, a->end, a->text, a->end, a->prot, 0};
    uint64_t size = a->end - a->begin;
    int keeps = size <= AREA_KEPT_MAX && g_kept.count < KEPT_MAX; /* looked at again below */
    if (keeps && !a->text) {
        if (size <= DIRTY_SMALL)
            k.dirty = a->begin;
        else if (is_stack(a))
            k.dirty = a->end - DIRTY_STACK;
        else if ((k.counts = (uint32_t)take_large(a)))
            k.dirty = a->begin;
        keeps = k.dirty == a->begin || host_clean(a->begin, k.dirty, a->prot) == 0;
    }
    core_lock_acquire(&g_kept.lock);
    keeps = keeps && g_kept.count < KEPT_MAX;
    if (keeps)
        g_kept.items[g_kept.count++] = k;
    core_lock_release(&g_kept.lock);
    if (!keeps)
        host_decommit(a->begin, a->end);
}

void keep_publish(void)
{
    struct shim_host *host = shim_host_self();
    uint32_t count = 0;
    if (!host) /* a unit test's process */
        return;
    for (uint32_t i = 0; i < g_kept.count && count < SHIM_HOST_TEXTS; i++) {
        const struct kept *k = &g_kept.items[i];
        if (k->text)
            host->texts[count++] = (struct shim_text){k->begin, k->end, k->text};
    }
    host->text_count = count;
}

int keep_is_at(const struct shim_host *host, const struct area *a)
{
    for (uint32_t i = 0; a->text && i < host->text_count; i++) {
        const struct shim_text *t = &host->texts[i];
        if (t->id == a->text && t->begin == a->begin && t->end == a->end)
            return 1;
    }
    return 0;
}

static struct kept *find_locked(uint64_t begin)
{
    for (uint32_t i = 0; i < g_kept.count; i++) {
        if (g_kept.items[i].begin == begin)
            return &g_kept.items[i];
    }
    return NULL;
}

int keep_has_text(uint64_t begin, uint64_t end, uint64_t text)
{
    core_lock_acquire(&g_kept.lock);
    const struct kept *k = find_locked(begin);
    int has = k && k->text == text && k->end == end;
    core_lock_release(&g_kept.lock);
    return has;
}

static void drop_overlapping_locked(uint64_t begin, uint64_t end)
{
    for (uint32_t i = 0; i < g_kept.count;) {
        struct kept *k = &g_kept.items[i];
        if (k->begin < end && begin < k->end) {
            host_decommit(k->begin, k->end);
            end_locked(k);
        } else {
            i++;
        }
    }
}

int keep_use(uint64_t begin, uint64_t end, uint32_t prot, uint64_t text, uint64_t *dirty)
{
    *dirty = end;
    if (!g_kept.count)
        return 0;
    core_lock_acquire(&g_kept.lock);
    struct kept *k = find_locked(begin);
    int used = k && k->text == text && k->end == end;
    if (used) {
        used = k->prot == prot || host_protect(begin, end, prot) == 0;
        *dirty = used ? k->dirty : end;
    }
    if (used)
        end_locked(k);
    else
        drop_overlapping_locked(begin, end);
    core_lock_release(&g_kept.lock);
    return used;
}

void keep_less(void)
{
    core_lock_acquire(&g_kept.lock);
    for (uint32_t i = 0; i < g_kept.count;) {
        struct kept *k = &g_kept.items[i];
        if (k->counts) {
            host_decommit(k->begin, k->end);
            end_locked(k);
        } else {
            i++;
        }
    }
    core_lock_release(&g_kept.lock);
}

void keep_nothing(void)
{
    if (!g_kept.count)
        return;
    core_lock_acquire(&g_kept.lock);
    drop_overlapping_locked(0, UINT64_MAX);
    core_lock_release(&g_kept.lock);
}
