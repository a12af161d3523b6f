/* SPDX-License-Identifier: MIT */
#ifndef CORE_SOURCE_H
#define CORE_SOURCE_H

/*
 * A stream of bytes to be parsed: parsers read from one, never from a path, so
 * that tests and fuzzers need no files.  Hosted code only.
 *
 * Threads  one at a time per source.
 * Errors   bytes read, 0 at the end, -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct core_source {
    int64_t (*read)(struct core_source *s, void *buf, uint64_t size);

    /* Read elsewhere, from any thread, and leave read() where it is; NULL if that cannot be. */
    int64_t (*read_at)(struct core_source *s, void *buf, uint64_t size, uint64_t offset);
    uint64_t size; /* of all bytes, or 0 if not known */
};

/* A source over memory, borrowed. */
struct core_source_memory {
    struct core_source base;
    const uint8_t *data;
    uint64_t offset;
};
void core_source_memory_init(struct core_source_memory *s, const void *data, uint64_t size);

/*
 * A source over an open file of the host, borrowed: read() goes on from its position,
 * read_at() counts from its beginning and is there only if the size is known.
 */
struct plat_file;
struct core_source_file {
    struct core_source base;
    struct plat_file *file;
};
void core_source_file_init(struct core_source_file *s, struct plat_file *file, uint64_t size);

#endif
