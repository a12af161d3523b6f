/* SPDX-License-Identifier: MIT */
/* Patch tables and memory images, from one run to the next. */

#include "kept.h"

#include <stdlib.h>
#include <string.h>

#include "core/diag.h"
#include "image/image.h"
#include "image/store.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "runner/programs.h"
#include "shim/patches.h"
#include "shim/task.h"
#include "vfs/image.h"

static uint64_t size_of(struct plat_file *file)
{
    int64_t size = file ? plat_file_size(file) : 0;
    return size > 0 ? (uint64_t)size : 0;
}

struct kept kept_now(const struct image *image)
{
    struct kept kept = {.patches_size = size_of(image->patches)};
    struct shim_images_head head;
    if (kept.patches_size && image->memory &&
        plat_file_pread(image->memory, &head, sizeof head, 0) == sizeof head &&
        head.magic == SHIM_IMAGES_MAGIC)
        kept.images = (struct shim_images){size_of(image->memory), head.id};
    return kept;
}

void runner_each_program(const struct image *image,
                         void (*each)(void *arg, const struct runner_program *program), void *arg)
{
    const struct kept kept = kept_now(image);
    const void *tables;
    struct shim_patches_info info;
    char path[4096];
    if (!kept.patches_size || plat_file_map(image->patches, 0, kept.patches_size, &tables) < 0)
        return;
    int err = shim_patches_check(tables, kept.patches_size, &kept.images);
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
    plat_file_unmap(tables, kept.patches_size);
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

/* Where the file is to be added to; one that is made anew gets a head. */
static int begin_images(struct image_store *store, struct image *image, struct shim_images *images,
                        struct plat_file **file)
{
    struct core_diag unused;
    int err = image_store_begin_memory(store, image->kept_id, images->size, file, &unused);
    if (err < 0 || images->size)
        return err;
    struct shim_images_head head = {.magic = SHIM_IMAGES_MAGIC};
    plat_random(&head.id, sizeof head.id);
    head.id |= 1; /* 0 is none */
    *images = (struct shim_images){sizeof head, head.id};
    if (plat_file_pwrite(*file, &head, sizeof head, 0) == sizeof head)
        return 0;
    err = image_store_end_memory(store, *file);
    return err < 0 ? err : -LX_EIO;
}

/*
 * The memory images of what is new; what cannot be kept is copied each time.
 *   images  the file that there is, or none; the one that there is then.
 */
static void keep_images(struct image_store *store, struct image *image, struct shim_images *images)
{
    struct shim_images now = *images;
    struct plat_file *file;
    if (image_map_packs(image) < 0 || begin_images(store, image, &now, &file) < 0)
        return;
    for (struct shim_patches_new *n = shim_container()->new_patches; n; n = n->next)
        n->image = write_image(&image->view, n, file, &now.size);
    if (image_store_end_memory(store, file) == 0) {
        *images = now;
        return;
    }
    for (struct shim_patches_new *n = shim_container()->new_patches; n; n = n->next)
        n->image = 0;
}

static void close_file(struct plat_file **file)
{
    if (*file)
        plat_file_close(*file);
    *file = NULL;
}

void keep_patches(struct image *image, const char *root, const struct kept *old)
{
    struct core_diag unused;
    struct image_store *store;
    const void *view = NULL;
    void *new;
    uint64_t size;
    if (image_store_open(root, 0, &store, &unused) < 0)
        return;
    if (old->patches_size && plat_file_map(image->patches, 0, old->patches_size, &view) < 0)
        view = NULL;
    int is_good = view && shim_patches_check(view, old->patches_size, &old->images) == 0;
    struct shim_images images = is_good ? old->images : (struct shim_images){0};
    close_file(&image->memory); /* one that is open cannot be made anew everywhere */
    keep_images(store, image, &images);
    int err = shim_patches_join(is_good ? view : NULL, images.id, &new, &size);
    if (view)
        plat_file_unmap(view, old->patches_size);
    close_file(&image->patches); /* nor be replaced */
    if (err == 0 && new &&image_store_keep_patches(store, image->kept_id, new, size, &unused) < 0)
        unused.text[0] = 0;
    if (err == 0)
        free(new);
    image_store_close(store);
}
