/* SPDX-License-Identifier: MIT */
/* Applying a patch table, and asking it.  A table may come from a damaged file. */

#include "core/layout.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "shim/rewrite.h"

static int fits(const struct shim_rewrite_table *t, uint32_t at, uint64_t size)
{
    return at >= sizeof *t && at <= t->size && size <= t->size - at;
}

static const void *part(const struct shim_rewrite_table *t, uint32_t at)
{
    return (const uint8_t *)t + at;
}

static int check(const struct shim_rewrite_table *t)
{
    return t->magic == SHIM_REWRITE_MAGIC && t->size >= sizeof *t && t->trampolines >= t->span &&
                   fits(t, t->edits, (uint64_t)t->edit_count * sizeof(struct shim_rewrite_edit)) &&
                   fits(t, t->moves, (uint64_t)t->move_count * sizeof(struct shim_rewrite_move)) &&
                   fits(t, t->origins,
                        (uint64_t)t->move_count * sizeof(struct shim_rewrite_move)) &&
                   fits(t, t->trampoline_bytes, t->trampoline_size) && t->edits % 4 == 0 &&
                   t->moves % 4 == 0 && t->origins % 4 == 0
               ? 0
               : -LX_EINVAL;
}

uint32_t shim_rewrite_trampoline_span(const struct shim_rewrite_table *table)
{
    return (table->trampoline_size + CORE_PAGE_SIZE - 1) & ~(CORE_PAGE_SIZE - 1);
}

/* With all its edits; what was checked when it was made may have been damaged since. */
static int check_edits(const struct shim_rewrite_table *table)
{
    int err = check(table);
    if (err < 0)
        return err;
    const struct shim_rewrite_edit *edits = part(table, table->edits);
    for (uint32_t i = 0; i < table->edit_count; i++) {
        const struct shim_rewrite_edit *e = &edits[i];
        if (e->at > table->span || e->size > table->span - e->at ||
            e->bytes > table->size - table->bytes || !fits(table, table->bytes + e->bytes, e->size))
            return -LX_EINVAL;
    }
    return 0;
}

int shim_rewrite_put_trampolines(const struct shim_rewrite_table *table, void *code)
{
    int err = check(table);
    if (err == 0)
        memcpy((uint8_t *)code + table->trampolines, part(table, table->trampoline_bytes),
               table->trampoline_size);
    return err;
}

int shim_rewrite_edit(const struct shim_rewrite_table *table, void *code, uint32_t begin,
                      uint32_t end)
{
    int err = check_edits(table);
    const struct shim_rewrite_edit *edits = part(table, table->edits);
    for (uint32_t i = 0; err == 0 && i < table->edit_count; i++) {
        const struct shim_rewrite_edit *e = &edits[i];
        if (e->at >= begin && e->at + e->size <= end)
            memcpy((uint8_t *)code + e->at, part(table, table->bytes + e->bytes), e->size);
    }
    return err;
}

int shim_rewrite_apply(const struct shim_rewrite_table *table, void *code)
{
    int err = shim_rewrite_edit(table, code, 0, UINT32_MAX);
    return err < 0 ? err : shim_rewrite_put_trampolines(table, code);
}

uint32_t shim_rewrite_origin(const struct shim_rewrite_table *table, uint32_t at)
{
    const struct shim_rewrite_move *moves = part(table, table->moves);
    if (at < table->trampolines || at - table->trampolines >= table->trampoline_size)
        return at;
    uint32_t low = 0, high = table->move_count; /* the last move that begins at or before it */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (moves[middle].to <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? moves[low - 1].from : at;
}

uint32_t shim_rewrite_moved(const struct shim_rewrite_table *table, uint32_t at)
{
    const struct shim_rewrite_move *origins = part(table, table->origins);
    uint32_t low = 0, high = table->move_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (origins[middle].from < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < table->move_count && origins[low].from == at ? origins[low].to : 0;
}
