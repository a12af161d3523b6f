/* SPDX-License-Identifier: MIT */
/* Packs as a dictionary.  Keys are hashes, so a key's place in a table is guessed, not searched. */

#include "blobs.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lx/errno.h"
#include "plat/plat.h"

static int in_bounds(uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset;
}

/* A table's elements if its checksum is right, else NULL. */
static const void *table(const uint8_t *data, uint64_t size, const struct vfs_image_range *r,
                         size_t element, uint32_t *count)
{
    if (r->offset % 8 || !in_bounds(r->offset, r->size, size) || r->size % element ||
        r->size / element >= UINT32_MAX || XXH3_64bits(data + r->offset, r->size) != r->checksum)
        return NULL;
    *count = (uint32_t)(r->size / element);
    return data + r->offset;
}

int image_blobs_open(struct image_blobs_pack *out, const void *data, uint64_t size)
{
    const struct vfs_pack_header *h = data;
    *out = (struct image_blobs_pack){.data = data, .size = size, .header = h};
    if (size < sizeof *h || h->magic != VFS_PACK_MAGIC || h->version != VFS_IMAGE_VERSION ||
        h->header_size != sizeof *h || h->pack_size != size ||
        h->checksum != XXH3_64bits(h, offsetof(struct vfs_pack_header, checksum)))
        return -LX_EIO;
    out->blobs =
        table(data, size, &h->sections[VFS_PACK_BLOBS], sizeof *out->blobs, &out->blob_count);
    out->extents =
        table(data, size, &h->sections[VFS_PACK_EXTENTS], sizeof *out->extents, &out->extent_count);
    return out->blobs && out->extents ? 0 : -LX_EIO;
}

static int before(const struct vfs_pack_blob *b, struct vfs_image_key key)
{
    return b->key.high != key.high ? b->key.high < key.high : b->key.low < key.low;
}

/* The first blob that is not before `key`: steps of growing size from where it should be. */
static uint32_t lower_bound(const struct image_blobs_pack *p, struct vfs_image_key key)
{
    uint32_t guess = (uint32_t)(((key.high >> 32) * p->blob_count) >> 32);
    uint32_t low = 0, high = p->blob_count;
    for (uint32_t step = 8; guess < high && before(&p->blobs[guess], key); step *= 2) {
        low = guess + 1;
        guess = step < high - low ? low + step : high;
    }
    high = guess < high ? guess : high;
    for (uint32_t step = 8; low < high; step *= 2) {
        uint32_t at = step < high - low ? high - step : low;
        if (before(&p->blobs[at], key)) {
            low = at + 1;
            break;
        }
        high = at;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (before(&p->blobs[middle], key))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct vfs_pack_blob *image_blobs_find(const struct image_blobs_pack *p,
                                             struct vfs_image_key key, uint64_t size)
{
    for (uint32_t i = lower_bound(p, key); i < p->blob_count; i++) {
        const struct vfs_pack_blob *b = &p->blobs[i];
        if (b->key.low != key.low || b->key.high != key.high)
            return NULL;
        if (b->size == size)
            return b;
    }
    return NULL;
}

int64_t image_blobs_stored(const struct image_blobs_pack *p, const struct vfs_pack_blob *blob,
                           uint64_t *data)
{
    uint64_t size = blob->size;
    *data = blob->data;
    if (blob->count) {
        if (!in_bounds(blob->data, blob->count, p->extent_count))
            return -LX_EIO;
        const struct vfs_image_extent *e = &p->extents[blob->data];
        *data = e->data;
        size = 0;
        for (uint32_t i = 0; i < blob->count; i++) {
            if (e[i].data != *data + size || !in_bounds(e[i].data, e[i].size, p->size))
                return -LX_EIO;
            size += e[i].size;
        }
    }
    return in_bounds(*data, size, p->size) ? (int64_t)size : -LX_EIO;
}

int image_blobs_add(struct image_blobs *b, struct plat_file *file)
{
    struct image_blobs_pack pack;
    struct vfs_pack_header h;
    const void *data;
    int64_t size = plat_file_size(file);
    int err = size < 0 ? (int)size : 0;
    if (err == 0 && plat_file_pread(file, &h, sizeof h, 0) != sizeof h)
        err = -LX_EIO;
    if (err == 0 && (h.pack_size < sizeof h || h.pack_size > (uint64_t)size))
        err = -LX_EIO;
    if (err == 0)
        err = plat_file_map(file, 0, h.pack_size, &data);
    if (err < 0)
        return err;
    err = image_blobs_open(&pack, data, h.pack_size);
    if (err == 0 && b->count == b->capacity) {
        uint32_t capacity = b->capacity * 2 + 8;
        struct image_blobs_pack *packs = realloc(b->packs, capacity * sizeof *packs);
        if (packs) {
            b->packs = packs;
            b->capacity = capacity;
        } else {
            err = -LX_ENOMEM;
        }
    }
    if (err == 0)
        b->packs[b->count++] = pack;
    else
        plat_file_unmap(data, h.pack_size);
    return err;
}

void image_blobs_fini(struct image_blobs *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        plat_file_unmap(b->packs[i].data, b->packs[i].size);
    free(b->packs);
    *b = (struct image_blobs){0};
}
