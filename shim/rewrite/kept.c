/* SPDX-License-Identifier: MIT */
/* Patch tables that are kept: finding one, and noting a new one. */

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "plat/thread.h"
#include "shim/patches.h"
#include "shim/rewrite.h"
#include "shim/task.h"

/* This process's. */
static struct plat_file **images_file(void)
{
    static struct plat_file *file;
    return &file;
}

void shim_patches_use(const void *file, struct plat_file *images)
{
    shim_container()->patches = file;
    *images_file() = images;
}

struct plat_file *shim_patches_memory(void)
{
    return *images_file();
}

static const struct shim_patches_entry *find(struct vfs_image_key key, uint64_t addr)
{
    const struct shim_patches_header *h = shim_container()->patches;
    const struct shim_patches_entry *e = h ? (const void *)(h + 1) : NULL;
    for (uint32_t i = 0; h && i < h->count; i++) {
        if (vfs_image_same_key(e[i].key, key) && e[i].addr == addr)
            return &e[i];
    }
    return NULL;
}

uint64_t shim_patches_image(struct vfs_image_key key, uint64_t addr)
{
    const struct shim_patches_entry *e = *images_file() ? find(key, addr) : NULL;
    return e ? e->image : 0;
}

const struct shim_rewrite_table *shim_patches_find(struct vfs_image_key key, uint64_t addr)
{
    struct shim_container *c = shim_container();
    const struct shim_patches_entry *e = find(key, addr);
    if (e) {
        plat_gate();
        return shim_patches_table(c->patches, e);
    }
    /* Made in this run: an entry stays as it is once it is in the list. */
    const struct shim_patches_new *new = atomic_load(&c->new_patches);
    while (new && (new->key.low != key.low || new->key.high != key.high || new->addr != addr))
        new = new->next;
    return new ? new->table : NULL;
}

int shim_patches_may_keep_code(void)
{
    const struct shim_container *c = shim_container();
    const struct shim_patches_header *h = c->patches;
    const struct shim_patches_entry *e = h ? (const void *)(h + 1) : NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; h && i < h->count; i++)
        count += e[i].addr == SHIM_PATCHES_CODE;
    for (const struct shim_patches_new *n = atomic_load(&c->new_patches); n; n = n->next)
        count += n->addr == SHIM_PATCHES_CODE;
    return count < SHIM_PATCHES_CODE_MAX;
}

void shim_patches_add(struct vfs_image_key key, uint64_t addr,
                      const struct shim_rewrite_table *table)
{
    struct shim_container *c = shim_container();
    struct shim_patches_new *new = core_arena_alloc(sizeof *new);
    struct shim_rewrite_table *copy = new ? core_arena_alloc(table->size) : NULL;
    if (!copy) {
        core_arena_free(new, sizeof *new);
        return;
    }
    memcpy(copy, table, table->size);
    *new = (struct shim_patches_new){.key = key, .addr = addr, .table = copy};
    new->next = atomic_load(&c->new_patches);
    while (!atomic_compare_exchange_weak(&c->new_patches, &new->next, new))
        continue;
}
