/* SPDX-License-Identifier: MIT */
/*
 * The pack's writer: a buffer at the end of the file, and a table of the contents
 * written.  A content passes through the buffer in chunks, which are never split by
 * a flush: so a chunk of zeros can be dropped where it lies, and a content of less
 * than a chunk is hashed and compared there and never reaches the file if it is a copy.
 */

#include "pack.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lx/errno.h"
#include "plat/plat.h"
#include "writer.h"

#define CHUNK VFS_IMAGE_CHUNK
#define BUFFER_SIZE (16 * (size_t)CHUNK)
#define COMPARE_SIZE 65536u
#define PAGE_SIZE 4096u
#define SMALL_ALIGN 16u
#define PAGES_FROM 65536u      /* contents of this size start on a page, programs all */
#define VIEW_FROM (256u << 10) /* programs of this size start where Windows can map a view */
#define NONE UINT32_MAX
#define BUCKETS_FIRST 4096u

static const uint8_t zeros[CHUNK];

/* A content of this pack. */
struct blob {
    struct image_content content;
    uint64_t begin, stored; /* its bytes */
    uint32_t next;          /* in its bucket: index plus 1, or 0 */
};

struct image_pack {
    struct plat_file *file;
    const struct image_blobs *known;
    int is_kept;         /* 1: the pack is for a store */
    uint32_t *known_use; /* by known pack: its number plus 1, or 0 */

    uint8_t *buffer; /* the pack's bytes from `flushed` on, `used` of them */
    uint64_t flushed;
    size_t used;

    /* The content being written. */
    int started;            /* its first byte has come, and its place is chosen */
    int whole;              /* it is a program: no zeros are left out */
    uint64_t expected;      /* its size .. */
    uint64_t size;          /* .. and how much of it has come */
    uint64_t before;        /* the pack's end before it, and .. */
    int pages_before;       /* .. own_pages then */
    uint64_t begin;         /* where it starts in the pack */
    uint64_t chunk;         /* where its last chunk starts in the pack */
    uint32_t extent_first;  /* its first among the extents */
    int holes;              /* a chunk was left out .. */
    int in_hole;            /* .. and it was the last one */
    int own_pages;          /* the last content's last page takes no other */
    XXH3_state_t *hash;     /* of the chunks that are complete */
    XXH3_state_t *checksum; /* of the last extent, if it follows a hole */

    struct blob *blobs;
    uint32_t blob_count, blob_capacity;
    uint32_t *buckets; /* index of a blob plus 1, or 0 */
    uint32_t bucket_count;

    struct vfs_image_extent *extents;
    uint32_t extent_capacity;
    struct image_pack_use use;

    uint8_t *scratch; /* two of COMPARE_SIZE */
};

static uint64_t pack_end(const struct image_pack *p)
{
    return p->flushed + p->used;
}

int image_pack_new(struct plat_file *file, const struct image_blobs *known, struct image_pack **out)
{
    static const struct image_blobs none;
    *out = NULL;
    struct image_pack *p = calloc(1, sizeof *p);
    if (!p)
        return -LX_ENOMEM;
    p->file = file;
    p->known = known ? known : &none;
    p->is_kept = known != NULL;
    p->known_use = calloc(p->known->count + 1, sizeof *p->known_use);
    p->bucket_count = BUCKETS_FIRST;
    p->buckets = calloc(p->bucket_count, sizeof *p->buckets);
    p->buffer = calloc(1, BUFFER_SIZE);
    p->scratch = malloc(2 * (size_t)COMPARE_SIZE);
    p->hash = XXH3_createState();
    p->checksum = XXH3_createState();
    p->use.own = NONE;
    p->used = sizeof(struct vfs_pack_header); /* its place; it comes last */
    if (!p->known_use || !p->buckets || !p->buffer || !p->scratch || !p->hash || !p->checksum) {
        image_pack_free(p);
        return -LX_ENOMEM;
    }
    *out = p;
    return 0;
}

void image_pack_free(struct image_pack *p)
{
    if (!p)
        return;
    XXH3_freeState(p->checksum);
    XXH3_freeState(p->hash);
    free(p->extents);
    free(p->scratch);
    free(p->buffer);
    free(p->buckets);
    free(p->blobs);
    free(p->known_use);
    free(p);
}

/* ---- Writing a content --------------------------------------------------- */

static int flush(struct image_pack *p)
{
    int err = image_file_write(p->file, p->buffer, p->used, p->flushed);
    if (err < 0)
        return err;
    if (p->is_kept)
        plat_file_write_back(p->file, p->flushed, p->used);
    p->flushed += p->used;
    p->used = 0;
    return 0;
}

/* Pad with zeros to a multiple of `align`, a power of two of at most CHUNK. */
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
    p->started = p->holes = p->in_hole = 0;
    p->expected = size;
    p->size = 0;
    p->before = p->begin = p->chunk = pack_end(p);
    p->pages_before = p->own_pages;
    p->extent_first = p->use.extent_count;
    XXH3_128bits_reset(p->hash);
    return 0;
}

/* Choose the place of the content, which begins with these bytes. */
static int start(struct image_pack *p, const void *data, uint64_t size)
{
    p->whole = size >= 4 && !memcmp(data, "\177ELF", 4);
    int pages = p->whole || p->expected >= PAGES_FROM;
    int view = p->whole && p->expected >= VIEW_FROM;
    int err = pad(p, view ? CHUNK : pages || p->own_pages ? PAGE_SIZE : SMALL_ALIGN);
    p->own_pages = pages;
    p->begin = p->chunk = pack_end(p);
    p->started = 1;
    return err;
}

static int add_extent(struct image_pack *p, struct vfs_image_extent e)
{
    if (p->use.extent_count == p->extent_capacity) {
        if (p->extent_capacity > UINT32_MAX / 2 - 64)
            return -LX_EFBIG;
        uint32_t capacity = p->extent_capacity * 2 + 64;
        struct vfs_image_extent *extents = realloc(p->extents, capacity * sizeof *extents);
        if (!extents)
            return -LX_ENOMEM;
        p->extents = extents;
        p->extent_capacity = capacity;
    }
    p->extents[p->use.extent_count++] = e;
    return 0;
}

/* What lies between two holes, or a hole and the end, is complete at `size`. */
static void close_extent(struct image_pack *p, uint64_t size)
{
    struct vfs_image_extent *e = &p->extents[p->use.extent_count - 1];
    e->size = size - e->at;
    e->checksum = XXH3_128bits_digest(p->checksum).low64;
}

/* Leave out a chunk of zeros. */
static int add_hole(struct image_pack *p)
{
    int err = 0;
    if (!p->holes && p->size)
        err = add_extent(p,
                         (struct vfs_image_extent){.size = p->size,
                                                   .data = p->begin,
                                                   .checksum = XXH3_128bits_digest(p->hash).low64});
    else if (p->holes && !p->in_hole)
        close_extent(p, p->size);
    p->holes = p->in_hole = 1;
    p->size += CHUNK;
    XXH3_128bits_update(p->hash, zeros, CHUNK);
    return err;
}

/* The chunk in the buffer is as long as it gets. */
static int end_chunk(struct image_pack *p)
{
    const uint8_t *bytes = p->buffer + (p->chunk - p->flushed);
    uint64_t size = pack_end(p) - p->chunk;
    if (size == CHUNK && !p->whole && !memcmp(bytes, zeros, CHUNK)) {
        p->used -= CHUNK;
        p->size -= CHUNK;
        return add_hole(p);
    }
    if (p->in_hole) {
        int err = add_extent(p, (struct vfs_image_extent){.at = p->size - size, .data = p->chunk});
        if (err < 0)
            return err;
        XXH3_128bits_reset(p->checksum);
        p->in_hole = 0;
    }
    if (p->holes)
        XXH3_128bits_update(p->checksum, bytes, size);
    XXH3_128bits_update(p->hash, bytes, size);
    p->chunk = pack_end(p);
    return 0;
}

int image_pack_append(struct image_pack *p, const void *data, uint64_t size)
{
    const uint8_t *from = data;
    int err = 0;
    if (size && !p->started)
        err = start(p, data, size);
    while (err == 0 && size) {
        if (pack_end(p) == p->chunk && BUFFER_SIZE - p->used < CHUNK) {
            err = flush(p);
            if (err < 0)
                return err;
        }
        uint64_t room = p->chunk + CHUNK - pack_end(p), part = size < room ? size : room;
        memcpy(p->buffer + p->used, from, part);
        p->used += part;
        p->size += part;
        from += part;
        size -= part;
        if (part == room)
            err = end_chunk(p);
    }
    return err;
}

int image_pack_append_zeros(struct image_pack *p, uint64_t size)
{
    int err = 0;
    if (size && !p->started)
        err = start(p, zeros, sizeof zeros);
    while (err == 0 && size) {
        uint64_t part = size < CHUNK ? size : CHUNK;
        if (part == CHUNK && pack_end(p) == p->chunk && !p->whole)
            err = add_hole(p);
        else
            err = image_pack_append(p, zeros, part);
        size -= part;
    }
    return err;
}

/* ---- Contents that are there already ------------------------------------- */

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
    *out = scratch;
    if (offset >= p->flushed) {
        *out = p->buffer + (offset - p->flushed);
        return (int64_t)size;
    }
    if (size > p->flushed - offset)
        size = p->flushed - offset;
    int64_t n = plat_file_pread(p->file, scratch, size, offset);
    return n == 0 ? -LX_EIO : n;
}

/* Compare bytes of this pack: 1 if they are equal, 0, -LX_E*. */
static int same_here(struct image_pack *p, uint64_t a, uint64_t b, uint64_t size)
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

/* The same with bytes in memory. */
static int same_there(struct image_pack *p, uint64_t a, const uint8_t *b, uint64_t size)
{
    while (size) {
        const uint8_t *at;
        int64_t n = view(p, a, size, p->scratch, &at);
        if (n < 0)
            return (int)n;
        if (memcmp(at, b, (size_t)n) != 0)
            return 0;
        a += (uint64_t)n;
        b += n;
        size -= (uint64_t)n;
    }
    return 1;
}

/* Have two contents their zeros in the same places? */
static int same_extents(const struct vfs_image_extent *a, const struct vfs_image_extent *b,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (a[i].at != b[i].at || a[i].size != b[i].size)
            return 0;
    }
    return 1;
}

/* Look among the contents of this pack: 1 and its place, 0, -LX_E*. */
static int find_here(struct image_pack *p, struct image_content *c)
{
    uint64_t stored = pack_end(p) - p->begin;
    for (uint32_t i = p->buckets[c->key.low & (p->bucket_count - 1)]; i; i = p->blobs[i - 1].next) {
        const struct blob *known = &p->blobs[i - 1];
        if (!vfs_image_same_key(known->content.key, c->key) || known->content.size != c->size ||
            known->content.count != c->count || known->stored != stored ||
            (c->count &&
             !same_extents(&p->extents[known->content.data], &p->extents[c->data], c->count)))
            continue;
        int same = same_here(p, known->begin, p->begin, stored);
        if (same == 1)
            *c = known->content;
        if (same)
            return same;
    }
    return 0;
}

/* The number of a known pack, given to it if there is room, else NONE. */
static uint32_t use_known(struct image_pack *p, uint32_t n)
{
    uint32_t reserved = p->use.own == NONE;
    if (p->known_use[n])
        return p->known_use[n] - 1;
    if (p->use.pack_count + reserved == VFS_IMAGE_PACKS_MAX)
        return NONE;
    const struct vfs_pack_header *h = p->known->packs[n].header;
    p->use.packs[p->use.pack_count] = (struct vfs_image_pack){h->id, h->pack_size};
    p->known_use[n] = ++p->use.pack_count;
    return p->known_use[n] - 1;
}

uint32_t image_pack_use(struct image_pack *p, struct vfs_image_key id)
{
    for (uint32_t n = 0; n < p->known->count; n++) {
        if (vfs_image_same_key(p->known->packs[n].header->id, id))
            return use_known(p, n);
    }
    return NONE;
}

int image_pack_keep_extents(struct image_pack *p, const struct vfs_image_extent *extents,
                            uint32_t count, uint64_t *first)
{
    int err = 0;
    *first = p->use.extent_count;
    for (uint32_t i = 0; err == 0 && i < count; i++)
        err = add_extent(p, extents[i]);
    return err;
}

/* Is this blob of pack number n the content?  1 and its place, 0, -LX_E*. */
static int is_blob(struct image_pack *p, uint32_t n, const struct vfs_pack_blob *blob,
                   struct image_content *c)
{
    const struct image_blobs_pack *pack = &p->known->packs[n];
    uint64_t data;
    int64_t stored = image_blobs_stored(pack, blob, &data);
    if (stored < 0 || (uint64_t)stored != pack_end(p) - p->begin || blob->count != c->count ||
        (c->count && !same_extents(&pack->extents[blob->data], &p->extents[c->data], c->count)))
        return 0;
    int same = same_there(p, p->begin, pack->data + data, (uint64_t)stored);
    uint32_t use = same == 1 ? use_known(p, n) : NONE;
    if (use == NONE)
        return same < 0 ? same : 0;
    c->pack = use;
    if (c->count == 0)
        c->data = data;
    for (uint32_t i = 0; i < c->count; i++)
        p->extents[c->data + i].data = pack->extents[blob->data + i].data;
    return 1;
}

/* Look among the contents of other packs. */
static int find_there(struct image_pack *p, struct image_content *c)
{
    for (uint32_t n = 0; n < p->known->count; n++) {
        const struct image_blobs_pack *pack = &p->known->packs[n];
        const struct vfs_pack_blob *end = pack->blobs + pack->blob_count;
        const struct vfs_pack_blob *blob = image_blobs_find(pack, c->key, c->size);
        for (; blob && blob < end && vfs_image_same_key(blob->key, c->key); blob++) {
            int found = blob->size == c->size ? is_blob(p, n, blob, c) : 0;
            if (found)
                return found;
        }
    }
    return 0;
}

static void insert(struct image_pack *p, uint32_t blob)
{
    uint32_t *bucket = &p->buckets[p->blobs[blob].content.key.low & (p->bucket_count - 1)];
    p->blobs[blob].next = *bucket;
    *bucket = blob + 1;
}

static int remember(struct image_pack *p, struct image_content *c)
{
    if (p->use.own == NONE)
        p->use.own = p->use.pack_count++;
    c->pack = p->use.own;
    if (p->blob_count == p->blob_capacity) {
        uint32_t capacity = p->blob_capacity ? p->blob_capacity * 2 : BUCKETS_FIRST;
        struct blob *blobs = realloc(p->blobs, capacity * sizeof *blobs);
        if (!blobs)
            return -LX_ENOMEM;
        p->blobs = blobs;
        p->blob_capacity = capacity;
    }
    p->blobs[p->blob_count] =
        (struct blob){.content = *c, .begin = p->begin, .stored = pack_end(p) - p->begin};
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

/* Take back the content's bytes; what of them is in the file will be written over, or cut off. */
static void take_back(struct image_pack *p)
{
    if (p->before >= p->flushed) {
        p->used = (size_t)(p->before - p->flushed);
    } else {
        p->flushed = p->before;
        p->used = 0;
    }
    p->own_pages = p->pages_before;
}

/* ---- The end of a content, and of the pack ------------------------------- */

static int end_content(struct image_pack *p, struct image_content *out)
{
    XXH128_hash_t hash;
    int err = 0;
    if (p->size < CHUNK) {
        hash = XXH3_128bits(p->buffer + (p->begin - p->flushed), p->size);
    } else {
        if (pack_end(p) != p->chunk)
            err = end_chunk(p);
        hash = XXH3_128bits_digest(p->hash);
    }
    if (err == 0 && p->holes && !p->in_hole)
        close_extent(p, p->size);
    if (err == 0 && p->holes && p->use.extent_count == p->extent_first) {
        err = add_extent(p, (struct vfs_image_extent){.data = p->begin});
        XXH3_128bits_reset(p->checksum);
        if (err == 0)
            close_extent(p, 0);
    }
    *out = (struct image_content){.key = {hash.low64, hash.high64}, .size = p->size};
    out->count = p->use.extent_count - p->extent_first;
    out->data = out->count ? p->extent_first : p->begin;
    return err;
}

int image_pack_end(struct image_pack *p, struct image_content *out, int *shared)
{
    *shared = 0;
    int err = end_content(p, out);
    if (err < 0)
        return err;
    if (out->size == 0) {
        out->data = 0;
        return 0;
    }
    int found = find_here(p, out);
    if (found == 1)
        p->use.extent_count = p->extent_first;
    if (found == 0)
        found = find_there(p, out);
    if (found < 0)
        return found;
    if (!found)
        return remember(p, out);
    take_back(p);
    *shared = 1;
    return 0;
}

static int compare_blobs(const void *a, const void *b)
{
    const struct vfs_image_key *x = &((const struct blob *)a)->content.key;
    const struct vfs_image_key *y = &((const struct blob *)b)->content.key;
    if (x->high != y->high)
        return x->high < y->high ? -1 : 1;
    return (x->low > y->low) - (x->low < y->low);
}

static int put_blobs(struct image_pack *p, struct image_writer *w, struct vfs_image_range *range)
{
    uint32_t extents = 0;
    int err = image_writer_begin(w, range);
    for (uint32_t i = 0; i < p->blob_count && err == 0; i++) {
        const struct image_content *c = &p->blobs[i].content;
        struct vfs_pack_blob blob = {.key = c->key,
                                     .size = c->size,
                                     .data = c->count ? extents : c->data,
                                     .count = c->count};
        extents += c->count;
        err = image_writer_put(w, &blob, sizeof blob);
    }
    image_writer_end(w, range);
    return err;
}

static int put_extents(struct image_pack *p, struct image_writer *w, struct vfs_image_range *range)
{
    int err = image_writer_begin(w, range);
    for (uint32_t i = 0; i < p->blob_count && err == 0; i++) {
        const struct image_content *c = &p->blobs[i].content;
        if (c->count)
            err = image_writer_put(w, &p->extents[c->data], c->count * sizeof *p->extents);
    }
    image_writer_end(w, range);
    return err;
}

static int write_tables(struct image_pack *p)
{
    struct vfs_pack_header header = {
        .magic = VFS_PACK_MAGIC, .version = VFS_IMAGE_VERSION, .header_size = sizeof header};
    struct image_writer w;
    int err = image_writer_init(&w, p->file, pack_end(p));
    if (err < 0)
        return err;
    if (p->blob_count)
        qsort(p->blobs, p->blob_count, sizeof *p->blobs, compare_blobs);
    err = put_blobs(p, &w, &header.sections[VFS_PACK_BLOBS]);
    if (err == 0)
        err = put_extents(p, &w, &header.sections[VFS_PACK_EXTENTS]);
    if (err == 0)
        err = image_writer_flush(&w);
    plat_random(&header.id, sizeof header.id);
    header.pack_size = w.flushed;
    image_writer_fini(&w);
    if (err == 0)
        err = plat_file_truncate(p->file, header.pack_size);
    if (err < 0)
        return err;
    header.checksum = XXH3_64bits(&header, offsetof(struct vfs_pack_header, checksum));
    p->use.size = header.pack_size;
    p->use.packs[p->use.own] = (struct vfs_image_pack){header.id, header.pack_size};
    return image_file_write(p->file, &header, sizeof header, 0);
}

int image_pack_finish(struct image_pack *p, struct image_pack_use *out)
{
    int err = 0;
    if (p->use.own != NONE) {
        err = pad(p, p->own_pages ? PAGE_SIZE : SMALL_ALIGN);
        if (err == 0)
            err = flush(p);
        if (err == 0)
            err = write_tables(p);
    }
    p->use.extents = p->extents;
    *out = p->use;
    return err;
}
