/* SPDX-License-Identifier: MIT */
/*
 * describe BUNDLE [REFERENCE]: load an image from an archive or a folder and print its
 * tree, a line for each entry, as tests/image/tools.sh prints a folder:
 *
 *   type mode uid gid mtime links size path, and the target or the SHA-256 of the content
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "image/load.h"
#include "lx/stat.h"
#include "plat/plat.h"
#include "vfs/image.h"

static char type_letter(uint32_t mode)
{
    switch (mode & LX_S_IFMT) {
    case LX_S_IFDIR:
        return 'd';
    case LX_S_IFLNK:
        return 'l';
    case LX_S_IFCHR:
        return 'c';
    case LX_S_IFBLK:
        return 'b';
    case LX_S_IFIFO:
        return 'p';
    default:
        return 'f';
    }
}

static int print_content(const struct vfs_image *image, const struct vfs_image_inode *inode)
{
    char digest[IMAGE_DIGEST_SIZE];
    struct image_digest d;
    image_digest_init(&d);
    for (uint64_t at = 0, part; at < inode->size; at += part) {
        const void *bytes = vfs_image_content(image, inode, at, &part);
        if (!bytes)
            return -1;
        image_digest_add(&d, bytes, part);
    }
    image_digest_end(&d, digest);
    printf(" %s", digest + 7);
    return 0;
}

/* Print what is in a directory; `path` has room for the paths below it. */
static int print_directory(const struct vfs_image *image, const struct vfs_image_inode *dir,
                           char *path, size_t size)
{
    int err = 0;
    for (uint32_t i = 0; i < dir->count && err == 0; i++) {
        const char *name;
        const struct vfs_image_entry *e = vfs_image_entry(image, dir, i, &name);
        const struct vfs_image_inode *inode = vfs_image_inode(image, e->inode);
        char type = type_letter(inode->mode);
        size_t longer = size + 1 + e->name_size;
        snprintf(path + size, 4096 - size, "/%.*s", (int)e->name_size, name);
        printf("%c %o %u %u %" PRId64 " %u %" PRIu64 " %s", type, inode->mode & 07777, inode->uid,
               inode->gid, inode->mtime_ns / 1000000000, type == 'd' ? 0 : inode->nlink,
               type == 'f' ? inode->size : 0, path);
        if (type == 'l')
            printf(" %.*s", (int)inode->size, vfs_image_target(image, inode));
        if (type == 'f')
            err = print_content(image, inode);
        putchar('\n');
        if (type == 'd' && err == 0)
            err = print_directory(image, inode, path, longer);
        path[size] = 0;
    }
    return err;
}

static int open_loader(const char *path, struct core_source_file *source, struct core_diag *diag,
                       struct image_loader **out)
{
    struct plat_stat st;
    struct plat_file *file;
    if (plat_path_stat(path, &st) == 0 && st.type == PLAT_FILE_DIRECTORY)
        return image_loader_open(NULL, path, NULL, out, diag);
    int err = plat_file_open(path, PLAT_FILE_READ, &file);
    if (err == 0)
        err = plat_file_stat(file, &st);
    if (err < 0)
        return core_diag_set(diag, err, "cannot open %s", path);
    core_source_file_init(source, file, st.size);
    return image_loader_open(&source->base, path, NULL, out, diag);
}

int main(int argc, char **argv)
{
    static char path[4096 + 256];
    struct core_source_file source = {0};
    struct core_diag diag = {{0}};
    struct image_loader *loader = NULL;
    struct image image = {0};
    uint32_t n;
    if (plat_start(&argc, &argv) < 0 || argc < 2)
        return 2;
    int err = open_loader(argv[1], &source, &diag, &loader);
    if (err == 0)
        err = image_loader_choose(loader, argv[2], &n, &diag);
    if (err == 0)
        err = image_loader_load(loader, n, NULL, &image, &diag);
    if (err == 0)
        err = image_map_packs(&image);
    if (err == 0)
        err = print_directory(&image.view, vfs_image_inode(&image.view, 0), path, 0);
    if (err < 0)
        fprintf(stderr, "%s\n", diag.text);
    image_close(&image);
    image_loader_close(loader);
    if (source.file)
        plat_file_close(source.file);
    return err < 0;
}
