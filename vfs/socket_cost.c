/* SPDX-License-Identifier: MIT */
/* What messages count for, as Linux has it: so the same writes fill a socket. */

#include "socket_ops.h"

/* Of Linux' buffers: include/linux/skbuff.h. */
#define PAGE 4096u
#define BUFFER_HEAD 256u       /* struct sk_buff */
#define BUFFER_TAIL 320u       /* struct skb_shared_info */
#define PAGE_HEAD_MAX 3776u    /* a page without a tail */
#define LARGE_HEAD_MAX 16064u  /* four pages without a tail */
#define PAGES_MAX (17u * PAGE) /* beside the head of a datagram */

static uint64_t page_align(uint64_t size)
{
    return (size + PAGE - 1) / PAGE * PAGE;
}

/* A head of so many bytes, and what lies in pages beside it. */
static uint32_t cost_of(uint64_t head, uint64_t pages)
{
    uint64_t block = 512;
    while (block < (head + 63) / 64 * 64 + BUFFER_TAIL)
        block *= 2;
    return (uint32_t)(BUFFER_HEAD + block + page_align(pages));
}

uint32_t socket_stream_cost(uint64_t size)
{
    uint64_t pages = size > PAGE_HEAD_MAX ? page_align(size - PAGE_HEAD_MAX) : 0;
    pages = pages < size ? pages : size;
    return cost_of(size - pages, pages);
}

uint32_t socket_dgram_cost(uint64_t size)
{
    uint64_t pages = size > LARGE_HEAD_MAX ? size - LARGE_HEAD_MAX : 0;
    pages = page_align(pages < PAGES_MAX ? pages : PAGES_MAX);
    pages = pages < size ? pages : size;
    return cost_of(size - pages, pages);
}
