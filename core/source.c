/* SPDX-License-Identifier: MIT */
/* Byte sources over memory and over a host file. */

#include "core/source.h"

#include <string.h>

#include "core/list.h"
#include "plat/plat.h"

static int64_t read_memory(struct core_source *base, void *buf, uint64_t size)
{
    struct core_source_memory *s = CORE_LIST_ENTRY(base, struct core_source_memory, base);
    uint64_t left = base->size - s->offset, part = size < left ? size : left;
    memcpy(buf, s->data + s->offset, part);
    s->offset += part;
    return (int64_t)part;
}

static int64_t read_memory_at(struct core_source *base, void *buf, uint64_t size, uint64_t offset)
{
    struct core_source_memory *s = CORE_LIST_ENTRY(base, struct core_source_memory, base);
    if (offset >= base->size)
        return 0;
    uint64_t left = base->size - offset, part = size < left ? size : left;
    memcpy(buf, s->data + offset, part);
    return (int64_t)part;
}

void core_source_memory_init(struct core_source_memory *s, const void *data, uint64_t size)
{
    *s = (struct core_source_memory){
        .base = {.read = read_memory, .read_at = read_memory_at, .size = size}, .data = data};
}

static int64_t read_file(struct core_source *base, void *buf, uint64_t size)
{
    return plat_file_read(CORE_LIST_ENTRY(base, struct core_source_file, base)->file, buf, size);
}

static int64_t read_file_at(struct core_source *base, void *buf, uint64_t size, uint64_t offset)
{
    return plat_file_pread(CORE_LIST_ENTRY(base, struct core_source_file, base)->file, buf, size,
                           offset);
}

void core_source_file_init(struct core_source_file *s, struct plat_file *file, uint64_t size)
{
    *s = (struct core_source_file){
        .base = {.read = read_file, .read_at = size ? read_file_at : NULL, .size = size},
        .file = file};
}
