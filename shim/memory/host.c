/* SPDX-License-Identifier: MIT */
/*
 * Host memory under the areas.  The windows are reserved piece by piece when
 * first needed; host calls are split at the pieces, because no host call may
 * cross two reservations.  The low range is one reservation, made by the
 * launcher.
 */

#include "core/mem.h"
#include "lx/errno.h"
#include "memory/area.h"
#include "memory/image.h"
#include "memory/keep.h"
#include "memory/view.h"
#include "plat/plat.h"

/* What is reserved in this process: a bit for each chunk.  Address spaces come and go, it stays. */
static struct {
    struct core_lock lock;
    uint64_t pie[CHUNK_COUNT(PIE) / 64];
    uint64_t mmap[CHUNK_COUNT(MMAP) / 64];
    uint64_t stack[CHUNK_COUNT(STACK) / 64];
} g_reserved = {.lock = {.rank = CORE_LOCK_RESERVED}};

/* The window's bitmap of reserved chunks and its base; NULL for the low range. */
static uint64_t *window_of(uint64_t addr, uint64_t *base)
{
    if (addr >= CORE_MMAP_BASE && addr < CORE_MMAP_END) {
        *base = CORE_MMAP_BASE;
        return g_reserved.mmap;
    }
    if (addr >= CORE_PIE_BASE && addr < CORE_PIE_END) {
        *base = CORE_PIE_BASE;
        return g_reserved.pie;
    }
    if (addr >= CORE_STACK_BASE && addr < CORE_STACK_END) {
        *base = CORE_STACK_BASE;
        return g_reserved.stack;
    }
    return NULL;
}

static int reserve_chunk(uint64_t addr)
{
    uint64_t base, *chunks = window_of(addr, &base);
    if (!chunks)
        return 0;
    uint64_t index = (addr - base) / CHUNK_SIZE, bit = 1ull << (index % 64);
    int err = 0;
    core_lock_acquire(&g_reserved.lock);
    if (!(chunks[index / 64] & bit)) {
        err = plat_mem_reserve(base + index * CHUNK_SIZE, CHUNK_SIZE);
        if (err == 0)
            chunks[index / 64] |= bit;
    }
    core_lock_release(&g_reserved.lock);
    return err;
}

/* End of the piece of [addr, end) that lies in one reservation. */
static uint64_t piece_end(uint64_t addr, uint64_t end)
{
    if (addr < CORE_LOW_END)
        return end;
    uint64_t chunk_end = (addr | (CHUNK_SIZE - 1)) + 1; /* windows are aligned to chunks */
    return chunk_end < end ? chunk_end : end;
}

int host_commit_dirty(uint64_t begin, uint64_t end, uint32_t prot, uint64_t text,
                      struct keep_dirty *dirty)
{
    if (image_has(begin)) {
        *dirty = (struct keep_dirty){begin, end - begin, 1};
        return plat_copy_protect(begin, end - begin, prot) < 0 ? -LX_ENOMEM : 0;
    }
    if (keep_use(begin, end, prot, text, dirty))
        return 0;
    for (uint64_t at = begin, next; at < end; at = next) {
        next = piece_end(at, end);
        int err = reserve_chunk(at);
        if (err == 0)
            err = plat_mem_commit(at, next - at, prot);
        if (err < 0) {
            host_decommit(begin, at);
            return -LX_ENOMEM;
        }
    }
    return 0;
}

int host_commit(uint64_t begin, uint64_t end, uint32_t prot)
{
    int writable = prot & PLAT_WRITE ? 1 : 0;
    struct keep_dirty dirty;
    int err = host_commit_dirty(begin, end, writable ? prot : PLAT_READ | PLAT_WRITE, 0, &dirty);
    if (err == 0)
        keep_zero(&dirty, begin, end);
    return err == 0 && !writable ? host_protect(begin, end, prot) : err;
}

int host_clean(uint64_t begin, uint64_t end, uint32_t prot)
{
    int err = 0;
    if (image_has(begin))
        return host_commit(begin, end, prot);
    for (uint64_t at = begin, next; err == 0 && at < end; at = next) {
        next = piece_end(at, end);
        err = plat_mem_clean(at, next - at, prot);
    }
    return err;
}

int host_protect(uint64_t begin, uint64_t end, uint32_t prot)
{
    if (image_has(begin))
        return plat_copy_protect(begin, end - begin, prot);
    for (uint64_t at = begin, next; at < end; at = next) {
        next = piece_end(at, end);
        int err = plat_mem_protect(at, next - at, prot);
        if (err < 0)
            return err;
    }
    return 0;
}

void host_decommit(uint64_t begin, uint64_t end)
{
    if (image_has(begin)) {
        int err = plat_copy_protect(begin, end - begin, 0);
        (void)err; /* out of mappings, it stays until the view goes */
        return;
    }
    for (uint64_t at = begin, next; at < end; at = next) {
        next = piece_end(at, end);
        plat_mem_decommit(at, next - at);
    }
}

/* What is shared stays accessible to others: the view goes with its last area, view_release(). */
void host_drop(struct shim_mm *mm, const struct area *a)
{
    if (!a->shared) {
        host_decommit(a->begin, a->end);
        return;
    }
    int err = view_protect(mm, a->begin, a->end, 0);
    (void)err; /* out of mappings, it stays until the view goes */
}

int host_protect_area(struct shim_mm *mm, const struct area *a, uint32_t prot)
{
    return a->shared ? view_protect(mm, a->begin, a->end, prot)
                     : host_protect(a->begin, a->end, prot);
}
