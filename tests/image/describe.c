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
#include "layer.h"
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

static int print_content(const struct vfs_image_inode *inode)
{
    char digest[IMAGE_DIGEST_SIZE];
    struct image_digest d;
    if (image_digest_init(&d) < 0)
        return -1;
    image_digest_add(&d, vfs_image_data(inode), inode->size);
    image_digest_end(&d, digest);
    image_digest_fini(&d);
    printf(" %s", digest + 7);
    return 0;
}

/* Print what is in a directory; `path` has room for the paths below it. */
static int print_directory(const struct vfs_image_inode *dir, char *path, size_t size)
{
    int err = 0;
    for (uint32_t i = 0; i < dir->count && err == 0; i++) {
        const char *name;
        const struct vfs_image_entry *e = vfs_image_entry(dir, i, &name);
        const struct vfs_image_inode *inode = vfs_image_inode(e->inode);
        char type = type_letter(inode->mode);
        size_t longer = size + 1 + e->name_size;
        snprintf(path + size, 4096 - size, "/%.*s", (int)e->name_size, name);
        printf("%c %o %u %u %" PRId64 " %u %" PRIu64 " %s", type, inode->mode & 07777, inode->uid,
               inode->gid, inode->mtime_ns / 1000000000, type == 'd' ? 0 : inode->nlink,
               type == 'f' ? inode->size : 0, path);
        if (type == 'l')
            printf(" %.*s", (int)inode->size, (const char *)vfs_image_data(inode));
        if (type == 'f')
            err = print_content(inode);
        putchar('\n');
        if (type == 'd' && err == 0)
            err = print_directory(inode, path, longer);
        path[size] = 0;
    }
    return err;
}

static int print_image(const struct image *image)
{
    static char path[4096 + 256];
    const void *index, *pack;
    int err = plat_file_map(image->index, 0, image->index_size, &index);
    if (err == 0)
        err = plat_file_map(image->pack, 0, image->pack_size, &pack);
    if (err == 0)
        err = vfs_image_attach(index, image->index_size, pack, image->pack_size);
    return err < 0 ? err : print_directory(vfs_image_inode(0), path, 0);
}

static int open_bundle(const char *path, struct core_source_file *source, struct core_diag *diag,
                       struct image_bundle **out)
{
    struct plat_stat st;
    struct plat_file *file;
    if (plat_path_stat(path, &st) == 0 && st.type == PLAT_FILE_DIRECTORY)
        return image_bundle_open_folder(path, diag, out);
    int err = plat_file_open(path, PLAT_FILE_READ, &file);
    if (err == 0)
        err = plat_file_stat(file, &st);
    if (err < 0)
        return core_diag_set(diag, err, "cannot open %s", path);
    core_source_file_init(source, file, st.size);
    return image_bundle_open(&source->base, path, NULL, diag, out);
}

int main(int argc, char **argv)
{
    struct core_source_file source = {0};
    struct core_diag diag = {{0}};
    struct image_manifests list = {0};
    struct image_load load = {0};
    struct image image = {0};
    if (plat_start(&argc, &argv) < 0 || argc < 2)
        return 2;
    int err = open_bundle(argv[1], &source, &diag, &load.bundle);
    if (err == 0)
        err = image_manifests_read(load.bundle, &list, &diag);
    if (err == 0)
        err = image_manifests_choose(&list, load.bundle, argv[2], &load.manifest, &diag);
    if (err == 0)
        err = image_build_run(argv[1], NULL, image_load_fill, &load, &image, &diag);
    if (err == 0)
        err = print_image(&image);
    if (err < 0)
        fprintf(stderr, "%s\n", diag.text);
    image_free(&image);
    image_config_fini(&load.config);
    image_manifests_fini(&list);
    image_bundle_free(load.bundle);
    if (source.file)
        plat_file_close(source.file);
    return err < 0;
}
