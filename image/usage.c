/* SPDX-License-Identifier: MIT */
/*
 * What images share: all their keys in one list, sorted, so that equal ones lie
 * together.  A directory's key says that all below it is equal.
 */

#include "image/usage.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "lx/stat.h"
#include "plat/plat.h"
#include "storage.h"

#define DIRECTORY UINT64_MAX

/* A content or directory of an image. */
struct part {
    struct vfs_image_key key;
    uint64_t size; /* bytes; DIRECTORY */
    uint32_t image;
};

struct gather {
    struct image_store *store;
    struct image_usages *out;
    struct core_diag *diag;
    uint32_t capacity;
    struct part *parts;
    uint64_t part_count, part_capacity;
};

static int no_memory(struct gather *g)
{
    return core_diag_set(g->diag, -LX_ENOMEM, "no memory to look at all images");
}

static int add_part(struct gather *g, struct part p)
{
    if (g->part_count == g->part_capacity) {
        uint64_t capacity = g->part_capacity * 2 + 4096;
        struct part *parts = realloc(g->parts, capacity * sizeof *parts);
        if (!parts)
            return no_memory(g);
        g->parts = parts;
        g->part_capacity = capacity;
    }
    g->parts[g->part_count++] = p;
    return 0;
}

static int add_parts(struct gather *g, const struct image *image, uint32_t number)
{
    uint32_t count = vfs_image_inode_count(&image->view);
    int err = 0;
    for (uint32_t i = 0; i < count && err == 0; i++) {
        const struct vfs_image_inode *inode = vfs_image_inode(&image->view, i);
        uint32_t type = inode->mode & LX_S_IFMT;
        if (type == LX_S_IFDIR)
            err = add_part(g, (struct part){inode->key, DIRECTORY, number});
        else if (type == LX_S_IFREG && inode->size)
            err = add_part(g, (struct part){inode->key, inode->size, number});
    }
    return err;
}

static int add_image(void *arg, struct vfs_image_key id)
{
    struct gather *g = arg;
    struct image_usages *u = g->out;
    struct image image;
    struct core_diag unused;
    if (u->count == g->capacity) {
        uint32_t capacity = g->capacity * 2 + 16;
        struct image_usage *items = realloc(u->items, capacity * sizeof *items);
        if (!items)
            return no_memory(g);
        u->items = items;
        g->capacity = capacity;
    }
    if (image_store_get(g->store, id, &image, &unused) < 0)
        return 0;
    u->items[u->count] = (struct image_usage){.id = id};
    int err = add_parts(g, &image, u->count++);
    image_close(&image);
    return err;
}

static int compare_parts(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->key.high != y->key.high)
        return x->key.high < y->key.high ? -1 : 1;
    if (x->key.low != y->key.low)
        return x->key.low < y->key.low ? -1 : 1;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

static int is_same(const struct part *a, const struct part *b)
{
    return vfs_image_same_key(a->key, b->key) && a->size == b->size;
}

/* Count a run of equal parts, which is sorted by image. */
static void count_run(struct image_usages *u, const struct part *first, const struct part *end)
{
    int shared = first->image != end[-1].image;
    if (first->size != DIRECTORY)
        u->size += first->size;
    for (const struct part *p = first; p < end; p++) {
        struct image_usage *i = &u->items[p->image];
        if (p > first && p->image == p[-1].image)
            continue;
        if (p->size == DIRECTORY) {
            i->directory_count++;
            i->shared_directories += (uint64_t)shared;
        } else {
            i->size += p->size;
            i->shared_size += shared ? p->size : 0;
        }
    }
}

static void count_parts(struct gather *g)
{
    if (g->part_count)
        qsort(g->parts, g->part_count, sizeof *g->parts, compare_parts);
    for (uint64_t i = 0, end; i < g->part_count; i = end) {
        for (end = i + 1; end < g->part_count && is_same(&g->parts[i], &g->parts[end]);)
            end++;
        count_run(g->out, &g->parts[i], &g->parts[end]);
    }
}

/* Does any image have this content? */
static int is_needed(const struct gather *g, const struct vfs_pack_blob *b)
{
    const struct part wanted = {b->key, b->size, 0};
    uint64_t low = 0, high = g->part_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (compare_parts(&g->parts[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->part_count && is_same(&g->parts[low], &wanted);
}

static void count_packs(struct gather *g, const struct image_blobs *packs)
{
    for (uint32_t n = 0; n < packs->count; n++) {
        const struct image_blobs_pack *p = &packs->packs[n];
        g->out->disk_size += p->size;
        for (uint32_t i = 0; i < p->blob_count; i++) {
            uint64_t data;
            int64_t stored = image_blobs_stored(p, &p->blobs[i], &data);
            if (stored > 0 && !is_needed(g, &p->blobs[i]))
                g->out->dead_size += (uint64_t)stored;
        }
    }
}

static int count_index(void *arg, const char *name)
{
    struct gather *g = arg;
    char path[STORAGE_PATH];
    struct plat_stat st;
    storage_path(g->store, "images", name, path);
    if (plat_path_stat(path, &st) == 0)
        g->out->disk_size += st.size;
    return 0;
}

int image_store_usage(struct image_store *s, struct image_usages *out, struct core_diag *diag)
{
    struct gather g = {.store = s, .out = out, .diag = diag};
    struct image_blobs packs;
    *out = (struct image_usages){0};
    int err = image_store_each(s, add_image, &g, diag);
    if (err == 0)
        err = storage_packs(s, &packs, diag);
    if (err == 0) {
        count_parts(&g);
        count_packs(&g, &packs);
        image_blobs_fini(&packs);
        err = storage_each(s, "images", "", count_index, &g, diag);
    }
    free(g.parts);
    if (err < 0)
        image_usages_fini(out);
    return err;
}

void image_usages_fini(struct image_usages *u)
{
    free(u->items);
    *u = (struct image_usages){0};
}
