/* SPDX-License-Identifier: MIT */
/* Patch tables and memory images, from one run to the next. */

#include "kept.h"

#include <stdlib.h>
#include <string.h>

#include "core/diag.h"
#include "image/image.h"
#include "image/store.h"
#include "plat/plat.h"
#include "shim/patches.h"
#include "shim/task.h"
#include "vfs/image.h"

static uint64_t size_of(struct plat_file *file)
{
    struct plat_stat st;
    return file && plat_file_stat(file, &st) == 0 ? st.size : 0;
}

struct kept_sizes kept_sizes(const struct image *image)
{
    struct kept_sizes sizes = {.patches = size_of(image->patches)};
    if (sizes.patches)
        sizes.memory = size_of(image->memory);
    return sizes;
}

/* A file of the image by its content, or NULL. */
static const struct vfs_image_inode *find_content(const struct vfs_image *image,
                                                  struct vfs_image_key key)
{
    for (uint32_t i = 0; i < vfs_image_inode_count(image); i++) {
        const struct vfs_image_inode *inode = vfs_image_inode(image, i);
        if (inode && inode->key.low == key.low && inode->key.high == key.high)
            return inode;
    }
    return NULL;
}

/* A file's whole content, to be freed, or NULL. */
static uint8_t *read_content(const struct vfs_image *image, const struct vfs_image_inode *inode)
{
    uint8_t *content = malloc(inode->size);
    uint64_t part;
    for (uint64_t done = 0; content && done < inode->size; done += part) {
        const void *bytes = vfs_image_content(image, inode, done, &part);
        if (!bytes || !part) {
            free(content);
            return NULL;
        }
        if (part > inode->size - done)
            part = inode->size - done;
        memcpy(content + done, bytes, part);
    }
    return content;
}

/* Write a library's memory image to the file, and move `end` behind it; 0: it has none. */
static uint64_t write_image(const struct vfs_image *image, const struct shim_patches_new *new,
                            struct plat_file *file, uint64_t *end)
{
    const struct vfs_image_inode *inode = find_content(image, new->key);
    uint8_t *content = inode ? read_content(image, inode) : NULL;
    uint64_t size, at = 0;
    void *bytes = NULL;
    if (content && shim_patches_make_image(new, content, inode->size, &bytes, &size) < 0)
        bytes = NULL;
    free(content);
    if (!bytes)
        return 0;
    at = (*end + PLAT_GRANULE) / PLAT_GRANULE * PLAT_GRANULE; /* never 0 */
    if (plat_file_pwrite(file, bytes, size, at) == (int64_t)size)
        *end = at + size;
    else
        at = 0;
    free(bytes);
    return at;
}

/* The memory images of new libraries; those of which one cannot be kept are copied each time. */
static void keep_images(struct image_store *store, struct image *image, uint64_t old_size)
{
    struct core_diag unused;
    struct plat_file *file;
    if (image_map_packs(image) < 0 ||
        image_store_begin_memory(store, image->id, old_size, &file, &unused) < 0)
        return;
    uint64_t end = old_size;
    for (struct shim_patches_new *n = shim_container()->new_patches; n; n = n->next)
        n->image = write_image(&image->view, n, file, &end);
    if (image_store_end_memory(store, file) == 0)
        return;
    for (struct shim_patches_new *n = shim_container()->new_patches; n; n = n->next)
        n->image = 0;
}

void keep_patches(struct image *image, const char *root, const struct kept_sizes *old)
{
    struct core_diag unused;
    struct image_store *store;
    const void *tables = NULL;
    void *new;
    uint64_t size;
    if (image_store_open(root, 0, &store, &unused) < 0)
        return;
    if (old->patches && (plat_file_map(image->patches, 0, old->patches, &tables) < 0 ||
                         shim_patches_check(tables, old->patches) < 0))
        tables = NULL;
    keep_images(store, image, tables ? old->memory : 0);
    int err = shim_patches_join(tables, &new, &size);
    if (tables)
        plat_file_unmap(tables, old->patches);
    if (image->patches) /* a file that is open cannot be replaced everywhere */
        plat_file_close(image->patches);
    image->patches = NULL;
    if (err == 0 && new &&image_store_keep_patches(store, image->id, new, size, &unused) < 0)
        unused.text[0] = 0;
    if (err == 0)
        free(new);
    image_store_close(store);
}
