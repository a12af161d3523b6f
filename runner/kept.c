/* SPDX-License-Identifier: MIT */
/* Patch tables and memory images, from one run to the next. */

#include "kept.h"

#include <stdlib.h>
#include <string.h>

#include "core/diag.h"
#include "image/image.h"
#include "image/store.h"
#include "plat/plat.h"
#include "runner/programs.h"
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

void runner_each_program(const struct image *image,
                         void (*each)(void *arg, const struct runner_program *program), void *arg)
{
    uint64_t size = size_of(image->patches);
    const void *tables;
    struct shim_patches_info info;
    char path[4096];
    if (!size || plat_file_map(image->patches, 0, size, &tables) < 0)
        return;
    int err = shim_patches_check(tables, size, size_of(image->memory));
    for (uint32_t n = 0; err == 0 && (err = shim_patches_info(tables, n, &info)) == 0; n++) {
        int64_t inode = vfs_image_find_content(&image->view, info.key);
        if (inode < 0) /* code that a program made */
            continue;
        image_path(image, (uint32_t)inode, path, sizeof path);
        const struct runner_program program = {
            .path = path,
            .system_calls = info.syscall_sites,
            .system_calls_unpatched = info.syscall_unpatched,
            .thread_local = info.tls_sites,
            .thread_local_unpatched = info.tls_unpatched,
            .has_memory_image = (int)info.has_image,
        };
        each(arg, &program);
    }
    plat_file_unmap(tables, size);
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
    int64_t found = vfs_image_find_content(image, new->key);
    const struct vfs_image_inode *inode =
        found < 0 ? NULL : vfs_image_inode(image, (uint32_t)found);
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
                         shim_patches_check(tables, old->patches, old->memory) < 0))
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
