/* SPDX-License-Identifier: MIT */
/*
 * The rewriter on any bytes as code: the scan stays in bounds and ends, and its
 * table applies.  And applying on any bytes as a table: refused or in bounds.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/rewrite.h"

#define CODE_MAX 16384u
#define PAGE 4096u
#define TRAMPOLINE_MAX (CODE_MAX * 64 + 262144) /* for placed ones, there are gaps */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scan_and_apply(const uint8_t *data, uint32_t size, uint64_t addr)
{
    uint32_t span = (size + PAGE - 1) / PAGE * PAGE;
    uint8_t *code = calloc(1, span + TRAMPOLINE_MAX);
    if (!code)
        return;
    memcpy(code, data, size);
    const struct shim_rewrite_range all = {0, size};
    struct shim_rewrite_input in = {
        .code = code,
        .size = span,
        .addr = addr,
        .linked = addr,
        .text = &all,
        .text_count = 1,
        .data = &all,
        .data_count = 1,
        .trampolines = span,
    };
    struct shim_rewrite_table *table;
    if (shim_rewrite_scan(&in, &table) == 0) {
        if (table->trampoline_size > TRAMPOLINE_MAX || shim_rewrite_apply(table, code) < 0)
            abort();
        if (table->syscall_sites && !table->syscall_unpatched && table->edit_count == 0)
            abort();
        shim_rewrite_free(table);
    }
    free(code);
}

/* A table from anywhere: bounds are checked before anything is written. */
static void apply_any(const uint8_t *data, size_t size)
{
    struct shim_rewrite_table *table = malloc(size);
    uint8_t *code = calloc(1, 2 * CODE_MAX);
    if (table && code) {
        memcpy(table, data, size);
        table->size = (uint32_t)size;
        table->magic = SHIM_REWRITE_MAGIC;
        if (table->span <= CODE_MAX && table->trampolines <= CODE_MAX &&
            table->trampoline_size <= CODE_MAX && shim_rewrite_apply(table, code) == 0) {
            (void)shim_rewrite_origin(table, table->trampolines);
            (void)shim_rewrite_moved(table, 0);
        }
    }
    free(table);
    free(code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if (data[0] & 1 && size - 1 >= sizeof(struct shim_rewrite_table))
        apply_any(data + 1, size - 1);
    else
        scan_and_apply(data + 1, size - 1 < CODE_MAX ? (uint32_t)(size - 1) : CODE_MAX,
                       data[0] & 2 ? 0x200000000000 : 0x400000);
    return 0;
}
