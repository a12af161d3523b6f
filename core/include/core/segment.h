/* SPDX-License-Identifier: MIT */
#ifndef CORE_SEGMENT_H
#define CORE_SEGMENT_H

/*
 * Bulk data outside the arena: pages addressed by number, in segments that
 * each process maps when it first touches them.
 *
 * A page number is good in every process and is what the arena's objects hold;
 * 0 is no page.  A pointer from core_page() is good in this process only.
 *
 * Threads  any, of any process.
 * Errors   a page number, or 0 when there is no memory left.
 */

#include <stdint.h>

#include "lx/compiler.h"

typedef uint32_t core_page_t;

/* Create the table of segments; once per container, after the arena. */
MUST_USE int core_segment_init(void);

/* Limit the bytes that pages may use in all, default half of the machine's memory. */
void core_segment_set_limit(uint64_t size);

/* Allocate a zeroed page. */
MUST_USE core_page_t core_page_new(void);
void core_page_free(core_page_t page);

/*
 * CORE_CHUNK_PAGES pages in a row, the first one's number; what is in them is left from others.
 * For data on its way from process to process: some stay allocated, so that their memory is warm.
 * core_chunks_trim(), called now and then, frees most of those that are not used any more; it
 * returns 1 if there is more to be freed later.
 */
#define CORE_CHUNK_PAGES 64u
MUST_USE core_page_t core_chunk_new(void);
void core_chunk_free(core_page_t chunk);
int core_chunks_trim(void);

/* The page's 4096 bytes in this process; NULL if it cannot be mapped. */
void *core_page(core_page_t page);

/* Pages in use, and how many there may be. */
uint64_t core_page_used(void);
uint64_t core_page_limit(void);

#endif
