/* SPDX-License-Identifier: MIT */
/* The file of patch tables: checked before it is used, written anew with what was added. */

#include "shim/patches.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/layout.h"
#include "exec/elf.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "rewrite_version.h"
#include "shim/rewrite.h"
#include "shim/task.h"

#define FILE_MAX (256ull << 20)
#define ALIGN 8u
#define IMAGE_ZEROS_MAX \
    (1u << 20) /* memory that is not in the file: more is better made than kept */

struct vfs_image_key shim_patches_key(const void *code, uint64_t size)
{
    XXH128_hash_t hash = XXH3_128bits(code, size);
    return (struct vfs_image_key){hash.low64, hash.high64};
}

static const struct shim_patches_entry *entries_of(const struct shim_patches_header *h)
{
    return (const void *)(h + 1);
}

static uint64_t checksum(const struct shim_patches_header *h)
{
    uint64_t head = XXH3_64bits(h, offsetof(struct shim_patches_header, checksum));
    return XXH3_64bits_withSeed(entries_of(h), h->count * sizeof(struct shim_patches_entry), head);
}

static int entry_fits(const struct shim_patches_header *h, const struct shim_patches_entry *e)
{
    uint64_t tables = sizeof *h + (uint64_t)h->count * sizeof *e;
    return e->offset >= tables && e->offset % ALIGN == 0 && e->offset <= h->size &&
           e->size <= h->size - e->offset && e->size >= sizeof(struct shim_rewrite_table);
}

static int image_fits(const struct shim_patches_entry *e, uint64_t images_size)
{
    return !e->image || (e->image % PLAT_GRANULE == 0 && e->image <= images_size &&
                         e->image_size <= images_size - e->image);
}

int shim_patches_check(const void *file, uint64_t size, const struct shim_images *images)
{
    const struct shim_patches_header *h = file;
    if (size < sizeof *h || h->magic != SHIM_PATCHES_MAGIC || h->version != REWRITE_VERSION ||
        h->size < sizeof *h || h->size > size ||
        (h->size - sizeof *h) / sizeof(struct shim_patches_entry) < h->count ||
        h->checksum != checksum(h) || (h->images_id && h->images_id != images->id))
        return -LX_EINVAL;
    const struct shim_patches_entry *e = entries_of(h);
    for (uint32_t i = 0; i < h->count; i++) {
        if (!entry_fits(h, &e[i]) || !image_fits(&e[i], h->images_id ? images->size : 0))
            return -LX_EINVAL;
    }
    return 0;
}

/* The bytes of memory that a program of this table takes, patched. */
static uint64_t image_size_of(const struct shim_rewrite_table *t)
{
    return (uint64_t)t->trampolines + shim_rewrite_trampoline_span(t);
}

const struct shim_rewrite_table *shim_patches_table(const void *file,
                                                    const struct shim_patches_entry *e)
{
    const struct shim_rewrite_table *t = (const void *)((const uint8_t *)file + e->offset);
    int is_sound = XXH3_64bits(t, e->size) == e->checksum && t->size == e->size &&
                   (!e->image || e->image_size == image_size_of(t));
    return is_sound ? t : NULL;
}

int shim_patches_info(const void *file, uint32_t n, struct shim_patches_info *out)
{
    const struct shim_patches_header *h = file;
    if (n >= h->count)
        return -LX_ENOENT;
    const struct shim_patches_entry *e = &entries_of(h)[n];
    const struct shim_rewrite_table *t = shim_patches_table(file, e);
    if (!t)
        return -LX_EINVAL;
    *out = (struct shim_patches_info){
        .key = e->key,
        .addr = e->addr,
        .syscall_sites = t->syscall_sites,
        .syscall_unpatched = t->syscall_unpatched,
        .tls_sites = t->tls_sites,
        .tls_unpatched = t->tls_unpatched,
        .has_image = e->image != 0,
    };
    return 0;
}

/* As range_fill() and the loaders do it: whole pages of the file, the rest of memory zero. */
static void lay_out(const struct elf_plan *plan, const uint8_t *content, uint64_t size,
                    uint8_t *image)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct elf_segment *s = &plan->segments[i];
        uint64_t skip = s->vaddr % CORE_PAGE_SIZE, from = s->file_offset - skip;
        uint64_t end =
            (s->file_offset + s->file_size + CORE_PAGE_SIZE - 1) & ~(uint64_t)(CORE_PAGE_SIZE - 1);
        if (end > size)
            end = size;
        if (s->file_size)
            memcpy(image + (s->vaddr - skip - plan->low), content + from, end - from);
    }
}

int shim_patches_make_image(const struct shim_patches_new *new, const void *content, uint64_t size,
                            void **out, uint64_t *out_size)
{
    struct elf_plan plan;
    const struct shim_rewrite_table *t = new->table;
    *out = NULL;
    *out_size = 0;
    if (elf_plan_make(content, size < ELF_HEAD_SIZE ? size : ELF_HEAD_SIZE, size, &plan) < 0 ||
        plan.is_fixed || plan.high - plan.low != t->span || t->trampolines != t->span ||
        t->span > size + IMAGE_ZEROS_MAX)
        return 0;
    *out_size = image_size_of(t);
    uint8_t *image = calloc(1, *out_size);
    if (!image)
        return -LX_ENOMEM;
    lay_out(&plan, content, size, image);
    if (shim_rewrite_apply(t, image) < 0) {
        free(image);
        return 0;
    }
    *out = image;
    return 0;
}

static uint64_t padded(uint64_t size)
{
    return (size + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
}

/* Put an entry and its table into the file at their places. */
static void put(struct shim_patches_header *h, struct shim_patches_entry e,
                const struct shim_rewrite_table *table)
{
    struct shim_patches_entry *entries = (void *)(h + 1);
    e.offset = (uint32_t)h->size;
    e.size = table->size;
    e.image_size = e.image ? image_size_of(table) : 0;
    e.checksum = XXH3_64bits(table, table->size);
    memcpy((uint8_t *)h + h->size, table, table->size);
    entries[h->count++] = e;
    h->size += padded(e.size);
}

int shim_patches_join(const void *file, uint64_t images_id, void **out, uint64_t *size)
{
    const struct shim_patches_header *old = file;
    const struct shim_patches_entry *kept = old ? entries_of(old) : NULL;
    uint32_t old_count = old ? old->count : 0, count = old_count;
    *out = NULL;
    *size = sizeof *old;
    for (uint32_t i = 0; i < old_count; i++)
        *size += padded(kept[i].size);
    for (const struct shim_patches_new *n = shim_container()->new_patches; n; n = n->next) {
        *size += padded(n->table->size);
        count++;
    }
    if (count == old_count)
        return 0;
    *size += (uint64_t)count * sizeof *kept;
    if (*size > FILE_MAX)
        return -LX_EFBIG;
    struct shim_patches_header *h = calloc(1, *size);
    if (!h)
        return -LX_ENOMEM;
    h->magic = SHIM_PATCHES_MAGIC;
    h->version = REWRITE_VERSION;
    h->images_id = images_id;
    h->size = sizeof *h + (uint64_t)count * sizeof *kept;
    for (uint32_t i = 0; i < old_count; i++) {
        const struct shim_rewrite_table *t = shim_patches_table(file, &kept[i]);
        if (t)
            put(h, kept[i], t);
    }
    for (const struct shim_patches_new *n = shim_container()->new_patches; n; n = n->next)
        put(h, (struct shim_patches_entry){.key = n->key, .addr = n->addr, .image = n->image},
            n->table);
    h->checksum = checksum(h);
    *size = h->size;
    *out = h;
    return 0;
}
