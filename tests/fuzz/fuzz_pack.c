/* SPDX-License-Identifier: MIT */
/* A pack of any bytes: whatever is opened can be searched and read, and never beyond its end. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "blobs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void read_blob(const struct image_blobs_pack *p, const struct vfs_pack_blob *b)
{
    uint64_t data;
    int64_t stored = image_blobs_stored(p, b, &data);
    for (int64_t i = 0; i < stored; i++)
        sink ^= p->data[data + (uint64_t)i];
    const struct vfs_pack_blob *found = image_blobs_find(p, b->key, b->size);
    if (found && (found->size != b->size || found->key.low != b->key.low))
        abort();
}

/* Sizes and checksums are made right: what is behind them is to be reached. */
static void seal(uint8_t *pack, size_t size)
{
    struct vfs_pack_header *h = (void *)pack;
    h->pack_size = size;
    for (int i = 0; i < VFS_PACK_SECTIONS; i++) {
        struct vfs_image_range *r = &h->sections[i];
        if (r->offset <= size && r->size <= size - r->offset)
            r->checksum = XXH3_64bits(pack + r->offset, r->size);
    }
    h->checksum = XXH3_64bits(h, offsetof(struct vfs_pack_header, checksum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_blobs_pack p;
    uint8_t *pack = malloc(size ? size : 1); /* as large as the input, for AddressSanitizer */
    if (!pack)
        return 0;
    if (size)
        memcpy(pack, data, size);
    if (size >= sizeof(struct vfs_pack_header))
        seal(pack, size);
    if (image_blobs_open(&p, pack, size) == 0) {
        for (uint32_t i = 0; i < p.blob_count; i++)
            read_blob(&p, &p.blobs[i]);
    }
    free(pack);
    return 0;
}
