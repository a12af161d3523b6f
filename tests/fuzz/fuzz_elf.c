/* SPDX-License-Identifier: MIT */
/* The ELF loader's reading of headers, on any bytes: a plan must keep its promises. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/layout.h"
#include "exec/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_plan plan;
    if (elf_plan_make(data, size < ELF_HEAD_SIZE ? size : ELF_HEAD_SIZE, size, &plan) < 0)
        return 0;
    if (!plan.count || plan.count > ELF_SEGMENT_MAX || plan.low >= plan.high)
        abort();
    uint64_t end = plan.low;
    for (uint32_t i = 0; i < plan.count; i++) {
        const struct elf_segment *s = &plan.segments[i];
        if (s->vaddr < end || s->vaddr + s->memory_size > plan.high ||
            s->file_size > s->memory_size || s->file_offset + s->file_size > size)
            abort();
        end = s->vaddr + s->memory_size;
    }
    uint64_t low = plan.low + plan.bias, high = plan.high + plan.bias;
    int in_low = low >= CORE_LOW_BASE && high <= CORE_LOW_END;
    int in_pie = low >= CORE_PIE_BASE && high <= CORE_PIE_END;
    if (!in_low && !in_pie)
        abort();
    return 0;
}
