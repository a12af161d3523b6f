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
#define AREA_KEPT_MAX (256ull << 20)
#define DIRTY_SMALL (256ull << 10) /* so much is overwritten faster than the host gives it anew */
#define DIRTY_ALL (256ull << 20)   /* of larger ones, in all hosts of the container */
#define PIECE_MIN (64ull << 10)    /* of a large area that is looked at by itself */

struct kept {
    uint64_t begin, end, text;
    struct keep_dirty dirty;
    uint32_t prot;
    uint64_t counts; /* bytes, as part of DIRTY_ALL */
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

static uint64_t piece_at(const struct kept *k, uint32_t n)
{
    uint64_t at = k->begin + n * k->dirty.piece;
    return at < k->end ? at : k->end;
}

/* Pieces of which a page is in memory count as used: they will be again. */
static uint64_t used_pieces(const struct kept *k)
{
    uint64_t pages[PLAT_RESIDENT_MAX];
    uint32_t count = 0;
    for (; count < PLAT_RESIDENT_MAX && piece_at(k, count) < k->end; count++)
        pages[count] = piece_at(k, count);
    return plat_mem_resident(pages, count);
}

/* As much of that as may count against what is kept. */
static void choose_dirty(struct kept *k, const struct area *a)
{
    struct shim_host *host = shim_host_self();
    uint64_t size = k->end - k->begin, piece = size / 64;
    k->dirty = (struct keep_dirty){k->begin, size, 1};
    if (size <= DIRTY_SMALL)
        return;
    piece += -piece & (CORE_PAGE_SIZE - 1);
    k->dirty.piece = piece > PIECE_MIN ? piece : PIECE_MIN;
    k->dirty.mask = 0;
    if (is_stack(a)) {
        k->dirty.mask = 1ull << (size - 1) / k->dirty.piece; /* the upper end is enough */
        return;
    }
    if (!host)
        return;
    uint64_t used = used_pieces(k);
    for (uint64_t left = used; left; left &= left - 1)
        k->counts += k->dirty.piece;
    if (atomic_fetch_add(&shim_pool()->kept_size, k->counts) + k->counts > DIRTY_ALL) {
        atomic_fetch_sub(&shim_pool()->kept_size, k->counts);
        k->counts = 0;
        return;
    }
    atomic_fetch_add(&host->kept_size, k->counts);
    k->dirty.mask = used;
}

/* Make all pieces zero that are not to be left dirty. */
static int clean(const struct kept *k)
{
    uint32_t n = 0;
    int err = 0;
    while (err == 0 && piece_at(k, n) < k->end) {
        uint32_t first = n;
        while (piece_at(k, n) < k->end && !(n < 64 && k->dirty.mask >> n & 1))
            n++;
        if (n > first)
            err = host_clean(piece_at(k, first), piece_at(k, n), k->prot);
        else
            n++;
    }
    return err;
}

/* The memory of a kept area is used, or given back. */
static void forget(const struct kept *k)
{
    if (k->counts) {
        atomic_fetch_sub(&shim_host_self()->kept_size, k->counts);
        atomic_fetch_sub(&shim_pool()->kept_size, k->counts);
    }
}

static void end_locked(struct kept *k)
{
    forget(k);
    *k = g_kept.items[--g_kept.count];
}

void keep_area(const struct area *a)
{
    struct kept k = {.begin = a->begin, .end = a->end, .text = a->text, .prot = a->prot};
    int keeps = a->end - a->begin <= AREA_KEPT_MAX && g_kept.count < KEPT_MAX; /* again below */
    if (keeps && !a->text) {
        choose_dirty(&k, a);
        keeps = clean(&k) == 0;
    }
    core_lock_acquire(&g_kept.lock);
    keeps = keeps && g_kept.count < KEPT_MAX;
    if (keeps)
        g_kept.items[g_kept.count++] = k;
    core_lock_release(&g_kept.lock);
    if (!keeps) {
        forget(&k);
        host_decommit(a->begin, a->end);
    }
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

void keep_zero(const struct keep_dirty *dirty, uint64_t begin, uint64_t end)
{
    while (dirty->mask && begin < end) {
        uint64_t n = (begin - dirty->begin) / dirty->piece;
        uint64_t next = dirty->begin + (n + 1) * dirty->piece;
        if (next > end)
            next = end;
        if (n < 64 && dirty->mask >> n & 1)
            memset((void *)begin, 0, next - begin);
        begin = next;
    }
}

int keep_use(uint64_t begin, uint64_t end, uint32_t prot, uint64_t text, struct keep_dirty *dirty)
{
    *dirty = (struct keep_dirty){begin, end - begin, 0};
    if (!g_kept.count)
        return 0;
    core_lock_acquire(&g_kept.lock);
    struct kept *k = find_locked(begin);
    int used = k && k->text == text && k->end == end;
    if (used) {
        used = k->prot == prot || host_protect(begin, end, prot) == 0;
        if (used)
            *dirty = k->dirty;
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
