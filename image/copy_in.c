/* SPDX-License-Identifier: MIT */
/* Copying into an image: a new one is built on the old one's tree. */

#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "folder.h"
#include "host.h"
#include "image/copy.h"
#include "locate.h"
#include "lx/errno.h"
#include "lx/stat.h"
#include "members.h"

struct copy_in {
    const struct image *base;
    const char *source, *path;
    struct core_source *archive;
    struct image_copy *copy;
    struct image_wanted wanted;
    struct image_place place; /* that `wanted` leads to */
    struct host_path host;    /* the source, if it is no archive */
    char name[HOST_PATH_MAX];
};

/* The type of what is there, 0 for nothing. */
static uint32_t type_there(const struct copy_in *c)
{
    const struct vfs_image_inode *inode = vfs_image_inode(&c->base->view, c->place.inode);
    return inode ? inode->mode & LX_S_IFMT : 0;
}

/* Where the copy goes; the tree has the numbers of the base's inodes. */
static int find_place(struct copy_in *c, struct core_diag *diag)
{
    int err = image_wanted_read(c->path, &c->wanted);
    if (err == 0)
        err = image_locate(&c->base->view, 0, c->wanted.path, 1, &c->place);
    if (err < 0)
        return core_diag_set(diag, err, "cannot copy to %s of the image: %s", c->path,
                             core_diag_strerror(err));
    uint32_t type = type_there(c);
    if (type && type != LX_S_IFDIR && c->wanted.is_directory)
        return core_diag_set(diag, -LX_ENOTDIR, "%s is no directory in the image", c->path);
    if (type && type != LX_S_IFDIR && type != LX_S_IFREG)
        return core_diag_set(diag, -LX_EINVAL,
                             "%s of the image is a device, fifo or socket, which is not replaced",
                             c->path);
    return 0;
}

static int find_source(struct copy_in *c, struct core_diag *diag)
{
    int err = host_path_read(c->source, c->copy->follow_link, &c->host);
    if (err == 0 && !c->host.exists)
        err = -LX_ENOENT;
    if (err < 0)
        return core_diag_set(diag, err, "cannot copy %s: %s", c->source, core_diag_strerror(err));
    if (c->host.is_directory && c->host.st.type != PLAT_FILE_DIRECTORY)
        return core_diag_set(diag, -LX_ENOTDIR, "%s is no folder", c->source);
    if (c->host.st.type == PLAT_FILE_OTHER)
        return core_diag_set(diag, -LX_EINVAL,
                             "%s is a device, fifo or socket, which is not copied", c->source);
    return 0;
}

static int add_archive(struct image_build *b, struct copy_in *c)
{
    if (type_there(c) != LX_S_IFDIR)
        return core_diag_set(b->diag, -LX_ENOTDIR,
                             "%s must be a directory of the image, for an archive to be unpacked "
                             "there",
                             c->path);
    b->tree.base = c->place.inode;
    return image_archive_read(b, &(struct image_archive){.source = c->archive});
}

/* docker cp's rules: the name that the source gets, and in which directory. */
static int add_source(struct image_build *b, struct copy_in *c)
{
    int exists = c->place.inode != IMAGE_NONE, to_directory = type_there(c) == LX_S_IFDIR;
    int from_directory = c->host.st.type == PLAT_FILE_DIRECTORY;
    uint32_t dir = c->place.dir;
    struct image_bytes name = c->place.name;
    if (from_directory && exists && !to_directory)
        return core_diag_set(b->diag, -LX_ENOTDIR,
                             "cannot copy a folder over %s, which is no directory", c->path);
    if (!from_directory && !exists && c->wanted.is_directory)
        return core_diag_set(b->diag, -LX_ENOENT, "there is no directory %s in the image", c->path);
    if (to_directory) {
        dir = c->place.inode;
        int err = host_path_name(c->source, c->name, &name);
        if (err < 0)
            return core_diag_set(b->diag, err, "cannot copy %s: %s", c->source,
                                 core_diag_strerror(err));
        if (c->host.is_contents)
            name.size = 0;
    }
    if (name.size > IMAGE_NAME_MAX)
        return image_build_member_failed(b, -LX_ENAMETOOLONG, name);
    return image_folder_add(b, c->host.text, dir, name, c->copy->keep_owner, &c->copy->skipped);
}

static int fill(struct image_build *b, void *arg)
{
    struct copy_in *c = arg;
    b->is_copy = 1;
    int err = image_base_add(b, c->base);
    if (err == 0)
        err = c->archive ? add_archive(b, c) : add_source(b, c);
    return err < 0 ? err : image_base_finish(b, c->base);
}

int image_copy_in(const struct image *base, const char *source, struct core_source *archive,
                  const char *path, const struct image_options *options, struct image_copy *copy,
                  struct image *out, struct core_diag *diag)
{
    struct copy_in *c = calloc(1, sizeof *c);
    *out = (struct image){0};
    if (!c)
        return core_diag_set(diag, -LX_ENOMEM, "no memory to copy %s", source);
    c->base = base;
    c->source = source;
    c->archive = archive;
    c->path = path;
    c->copy = copy;
    int err = find_place(c, diag);
    if (err == 0 && !archive)
        err = find_source(c, diag);
    if (err == 0)
        err = image_build_run(source, options, fill, c, out, diag);
    free(c);
    return err;
}

static int fill_with_base(struct image_build *b, void *arg)
{
    const struct image *base = arg;
    int err = image_base_add(b, base);
    return err < 0 ? err : image_base_finish(b, base);
}

int image_copy_of(const struct image *base, const struct image_options *options, struct image *out,
                  struct core_diag *diag)
{
    struct image source = *base; /* borrowed, and not changed */
    return image_build_run("the image", options, fill_with_base, &source, out, diag);
}
