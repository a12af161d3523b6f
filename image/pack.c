/* SPDX-License-Identifier: MIT */
/*
 * The pack's writer: a buffer at the end of the file, and a table of the contents
 * written.  A small content is hashed and compared where it lies in the buffer and
 * never reaches the file if it is a copy.
 */

#include "pack.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lx/errno.h"
#include "plat/plat.h"

#define BUFFER_SIZE (256u << 10)
#define COMPARE_SIZE (64u << 10)
#define PAGE_SIZE 4096u
#define SMALL_ALIGN 16u
#define BUCKETS_FIRST 4096u

struct blob {
    struct image_content content;
    uint32_t next; /* in its bucket: index plus 1, or 0 */
};

struct image_pack {
    struct plat_file *file;

    uint8_t *buffer; /* the pack's bytes from `flushed` on, `used` of them */
    uint64_t flushed;
    size_t used;

    int open;         /* a content is being written .. */
    uint64_t content; /* .. and starts here */
    uint64_t hashed;  /* its bytes before this offset are in `hash` */
    int own_page;     /* the last content's last page takes no other content */
    XXH3_state_t *hash;

    struct blob *blobs;
    uint32_t blob_count, blob_capacity;
    uint32_t *buckets; /* index of a blob plus 1, or 0 */
    uint32_t bucket_count;

    uint8_t *scratch; /* two of COMPARE_SIZE */
};

static uint64_t pack_end(const struct image_pack *p)
{
    return p->flushed + p->used;
}

int image_file_write(struct plat_file *f, const void *data, uint64_t size, uint64_t offset)
{
    const uint8_t *from = data;
    while (size) {
        int64_t n = plat_file_pwrite(f, from, size, offset);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -LX_ENOSPC;
        from += n;
        offset += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return 0;
}

int image_pack_new(struct image_pack **out)
{
    *out = NULL;
    struct image_pack *p = calloc(1, sizeof *p);
    if (!p)
        return -LX_ENOMEM;
    p->bucket_count = BUCKETS_FIRST;
    p->buckets = calloc(p->bucket_count, sizeof *p->buckets);
    p->buffer = malloc(BUFFER_SIZE);
    p->scratch = malloc(2 * (size_t)COMPARE_SIZE);
    p->hash = XXH3_createState();
    int err = -LX_ENOMEM;
    if (p->buckets && p->buffer && p->scratch && p->hash)
        err = plat_file_temporary(&p->file);
    if (err < 0) {
        image_pack_free(p);
        return err;
    }
    *out = p;
    return 0;
}

void image_pack_free(struct image_pack *p)
{
    if (!p)
        return;
    if (p->file)
        plat_file_close(p->file);
    XXH3_freeState(p->hash);
    free(p->scratch);
    free(p->buffer);
    free(p->buckets);
    free(p->blobs);
    free(p);
}

/* Hash what the buffer holds of the content beyond `hashed`. */
static void hash_buffered(struct image_pack *p)
{
    if (!p->open)
        return;
    uint64_t from = p->hashed > p->flushed ? p->hashed : p->flushed;
    XXH3_128bits_update(p->hash, p->buffer + (from - p->flushed), pack_end(p) - from);
    p->hashed = pack_end(p);
}

static int flush(struct image_pack *p)
{
    hash_buffered(p);
    int err = image_file_write(p->file, p->buffer, p->used, p->flushed);
    if (err < 0)
        return err;
    p->flushed += p->used;
    p->used = 0;
    return 0;
}

/* Pad with zeros to a multiple of `align`, a power of two of at most PAGE_SIZE. */
static int pad(struct image_pack *p, uint64_t align)
{
    size_t size = (size_t)(-pack_end(p) & (align - 1));
    if (size > BUFFER_SIZE - p->used) {
        int err = flush(p);
        if (err < 0)
            return err;
    }
    memset(p->buffer + p->used, 0, size);
    p->used += size;
    return 0;
}

int image_pack_begin(struct image_pack *p, uint64_t size)
{
    int whole_pages = size >= PAGE_SIZE;
    int err = pad(p, whole_pages || p->own_page ? PAGE_SIZE : SMALL_ALIGN);
    if (err < 0)
        return err;
    p->own_page = whole_pages;
    p->open = 1;
    p->content = p->hashed = pack_end(p);
    XXH3_128bits_reset(p->hash);
    return 0;
}

int image_pack_append(struct image_pack *p, const void *data, uint64_t size)
{
    if (size > BUFFER_SIZE - p->used) {
        int err = flush(p);
        if (err < 0)
            return err;
    }
    if (size > BUFFER_SIZE) {
        XXH3_128bits_update(p->hash, data, size);
        int err = image_file_write(p->file, data, size, p->flushed);
        if (err < 0)
            return err;
        p->flushed += size;
        p->hashed = p->flushed;
        return 0;
    }
    memcpy(p->buffer + p->used, data, size);
    p->used += size;
    return 0;
}

int image_pack_append_zeros(struct image_pack *p, uint64_t size)
{
    while (size) {
        if (p->used == BUFFER_SIZE) {
            int err = flush(p);
            if (err < 0)
                return err;
        }
        size_t room = BUFFER_SIZE - p->used, part = size < room ? (size_t)size : room;
        memset(p->buffer + p->used, 0, part);
        p->used += part;
        size -= part;
    }
    return 0;
}

/*
 * The pack's bytes at `offset`, at most COMPARE_SIZE and at least one of `size`.
 *   scratch  where they go if they must be read from the file.
 *   returns  how many there are at *out, or -LX_E*.
 */
static int64_t view(struct image_pack *p, uint64_t offset, uint64_t size, uint8_t *scratch,
                    const uint8_t **out)
{
    if (size > COMPARE_SIZE)
        size = COMPARE_SIZE;
    if (offset >= p->flushed) {
        *out = p->buffer + (offset - p->flushed);
        return (int64_t)size;
    }
    if (size > p->flushed - offset)
        size = p->flushed - offset;
    *out = scratch;
    int64_t n = plat_file_pread(p->file, scratch, size, offset);
    return n == 0 ? -LX_EIO : n;
}

/* 1 if the `size` bytes at both offsets are equal, 0 if not, -LX_E*. */
static int same_bytes(struct image_pack *p, uint64_t a, uint64_t b, uint64_t size)
{
    while (size) {
        const uint8_t *at_a, *at_b;
        int64_t n = view(p, a, size, p->scratch, &at_a);
        if (n > 0)
            n = view(p, b, (uint64_t)n, p->scratch + COMPARE_SIZE, &at_b);
        if (n < 0)
            return (int)n;
        if (memcmp(at_a, at_b, (size_t)n) != 0)
            return 0;
        a += (uint64_t)n;
        b += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return 1;
}

/* Look for the content among those written: 1 and its offset if it is there, 0, -LX_E*. */
static int find(struct image_pack *p, struct image_content *c)
{
    for (uint32_t i = p->buckets[c->key.low & (p->bucket_count - 1)]; i; i = p->blobs[i - 1].next) {
        const struct image_content *known = &p->blobs[i - 1].content;
        if (known->key.low != c->key.low || known->key.high != c->key.high ||
            known->size != c->size)
            continue;
        int same = same_bytes(p, known->offset, c->offset, c->size);
        if (same == 1)
            c->offset = known->offset;
        if (same)
            return same;
    }
    return 0;
}

static void insert(struct image_pack *p, uint32_t blob)
{
    uint32_t *bucket = &p->buckets[p->blobs[blob].content.key.low & (p->bucket_count - 1)];
    p->blobs[blob].next = *bucket;
    *bucket = blob + 1;
}

static int remember(struct image_pack *p, const struct image_content *c)
{
    if (p->blob_count == p->blob_capacity) {
        uint32_t capacity = p->blob_capacity ? p->blob_capacity * 2 : BUCKETS_FIRST;
        struct blob *blobs = realloc(p->blobs, capacity * sizeof *blobs);
        if (!blobs)
            return -LX_ENOMEM;
        p->blobs = blobs;
        p->blob_capacity = capacity;
    }
    p->blobs[p->blob_count].content = *c;
    if (p->blob_count < p->bucket_count) {
        insert(p, p->blob_count++);
        return 0;
    }
    uint32_t *buckets = calloc(2 * (size_t)p->bucket_count, sizeof *buckets);
    if (!buckets)
        return -LX_ENOMEM;
    free(p->buckets);
    p->buckets = buckets;
    p->bucket_count *= 2;
    p->blob_count++;
    for (uint32_t i = 0; i < p->blob_count; i++)
        insert(p, i);
    return 0;
}

/* Drop the bytes from `offset` on; what of them is in the file will be written over. */
static void rewind_to(struct image_pack *p, uint64_t offset)
{
    if (offset >= p->flushed) {
        p->used = (size_t)(offset - p->flushed);
    } else {
        p->flushed = offset;
        p->used = 0;
    }
    p->own_page = 0;
}

int image_pack_end(struct image_pack *p, struct image_content *out, int *shared)
{
    *shared = 0;
    *out = (struct image_content){.offset = p->content, .size = pack_end(p) - p->content};
    XXH128_hash_t hash;
    if (p->hashed == p->content && p->content >= p->flushed) {
        hash = XXH3_128bits(p->buffer + (p->content - p->flushed), out->size);
    } else {
        hash_buffered(p);
        hash = XXH3_128bits_digest(p->hash);
    }
    p->open = 0;
    out->key = (struct vfs_image_key){hash.low64, hash.high64};
    if (out->size == 0) {
        out->offset = 0;
        return 0;
    }

    int found = find(p, out);
    if (found < 0)
        return found;
    if (!found)
        return remember(p, out);
    rewind_to(p, p->content);
    *shared = 1;
    return 0;
}

int image_pack_finish(struct image_pack *p, struct plat_file **file, uint64_t *size)
{
    /* Readers map the pack, and an empty file cannot be mapped: at least a page. */
    int err = pack_end(p) ? pad(p, PAGE_SIZE) : image_pack_append_zeros(p, PAGE_SIZE);
    if (err == 0)
        err = flush(p);
    *size = err < 0 ? 0 : p->flushed;
    *file = err < 0 ? NULL : p->file;
    if (err == 0)
        p->file = NULL;
    return err;
}
