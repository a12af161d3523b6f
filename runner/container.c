/* SPDX-License-Identifier: MIT */
/* A container that is kept: it runs on an image of its own, which each run makes anew. */

#include "container.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/commit.h"
#include "image/store.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "vfs/image.h"

#define METADATA_MAX (64ull << 30) /* bytes of names, attributes and inodes */

/* Patches and memory images are about programs, of which most are those of the first image's. */
static void take_kept(struct image *image, struct image *from)
{
    struct plat_file *patches = image->patches, *memory = image->memory;
    image->patches = from->patches;
    image->memory = from->memory;
    image->kept_id = from->id;
    from->patches = patches;
    from->memory = memory;
}

/* It has been run before: go on with what it is. */
static int go_on(struct container *c, struct image *image, struct core_diag *diag)
{
    struct image now;
    if (!vfs_image_same_key(c->record.from, image->id))
        return core_diag_set(diag, -LX_EEXIST,
                             "the container %s was made from another image, %s; 'tarbox rm %s' "
                             "removes it",
                             c->name, c->record.from_name, c->name);
    int err = image_store_get(c->store, c->record.image, &now, diag);
    if (err < 0)
        return err;
    take_kept(&now, image);
    image_close(image);
    *image = now;
    return 0;
}

int container_open(const char *name, const char *root, const char *from, struct image *image,
                   struct container *out, struct core_diag *diag)
{
    struct core_diag why;
    *out = (struct container){.name = name};
    if (!name)
        return 0;
    if (!image->is_stored)
        return core_diag_set(diag, -LX_EINVAL,
                             "a container that is kept needs an image of the store; 'tarbox import "
                             "%s NAME' makes one",
                             from);
    int err = image_store_open(root, 1, &out->store, diag);
    if (err == 0)
        err = image_container_hold(out->store, name, &out->hold, diag);
    if (err < 0)
        return err;
    err = image_container_read(out->store, name, &out->record, &why);
    if (err == 0)
        return go_on(out, image, diag);
    if (err != -LX_ENOENT) {
        *diag = why;
        return err;
    }
    out->record = (struct image_container){
        .image = image->id, .from = image->id, .created_ns = plat_clock_now(PLAT_CLOCK_REALTIME)};
    strncat(out->record.from_name, from, sizeof out->record.from_name - 1);
    uint32_t number;
    plat_random(&number, sizeof number);
    snprintf(out->record.hostname, sizeof out->record.hostname, "%08x", number);
    return image_container_write(out->store, name, &out->record, diag);
}

int container_keep(struct container *c, struct image *image, struct core_diag *diag)
{
    uint64_t size;
    const char *text = image_config_text(image, &size);
    char *config = image_map_packs(image) == 0 ? calloc(1, size + 1) : NULL;
    struct image_options options = {.store = c->store, .config = config};
    struct image kept;
    if (!config)
        return core_diag_set(diag, -LX_EIO, "the container %s cannot be kept: its image is damaged",
                             c->name);
    memcpy(config, text, size);
    options.limits = (struct image_limits){.entries = UINT32_MAX,
                                           .metadata = METADATA_MAX,
                                           .file_size = UINT64_MAX,
                                           .total_size = UINT64_MAX,
                                           .ratio = UINT64_MAX};
    vfs_image_attach(&image->view);
    int err = image_commit(image, &options, &kept, diag);
    free(config);
    if (err < 0)
        return err;
    c->record.image = kept.id;
    image_close(image); /* what is open is not removed: the one it was may be, the new one not */
    err = image_container_write(c->store, c->name, &c->record, diag);
    image_close(&kept);
    return err;
}

void container_close(struct container *c)
{
    if (c->hold)
        plat_file_close(c->hold);
    image_store_close(c->store);
    *c = (struct container){.name = NULL};
}
