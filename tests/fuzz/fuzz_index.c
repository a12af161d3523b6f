/* SPDX-License-Identifier: MIT */
/* An image's index, of any bytes: whatever is attached can be read, and never beyond its end. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lx/stat.h"
#include "vfs/image.h"

#define INODES_MAX 256u
#define NAMES_MAX 64u
#define PACK_SIZE sizeof(struct vfs_pack_header)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void touch(const void *bytes, uint64_t size)
{
    for (uint64_t i = 0; bytes && i < size; i++)
        sink ^= ((const uint8_t *)bytes)[i];
}

static void read_directory(const struct vfs_image *image, const struct vfs_image_inode *dir)
{
    const char *name;
    for (uint32_t n = 0; n < dir->count && n < NAMES_MAX; n++) {
        const struct vfs_image_entry *e = vfs_image_entry(image, dir, n, &name);
        if (!e)
            continue;
        touch(name, e->name_size);
        int64_t found = vfs_image_find(image, dir, name, e->name_size);
        if (found >= (int64_t)dir->count)
            abort();
        vfs_image_inode(image, e->inode);
    }
}

static void read_content(const struct vfs_image *image, const struct vfs_image_inode *inode)
{
    uint64_t size;
    if ((inode->mode & LX_S_IFMT) == LX_S_IFLNK) {
        touch(vfs_image_target(image, inode), inode->size);
        return;
    }
    for (uint64_t at = 0, n = 0; at < inode->size && n < NAMES_MAX; at += size, n++) {
        const void *bytes = vfs_image_content(image, inode, at, &size);
        if (!bytes)
            break;
        if (!size || size > inode->size - at)
            abort();
        touch(bytes, size);
    }
    if (vfs_image_check(image, inode) == 0)
        sink++;
}

static void read_inode(const struct vfs_image *image, const struct vfs_image_inode *inode)
{
    const struct vfs_image_xattr *x;
    const char *name;
    const void *value;
    if ((inode->mode & LX_S_IFMT) == LX_S_IFDIR)
        read_directory(image, inode);
    else
        read_content(image, inode);
    for (uint32_t n = 0; n < NAMES_MAX && (x = vfs_image_xattr(image, inode, n, &name, &value));
         n++) {
        touch(name, x->name_size);
        touch(value, x->value_size);
    }
}

/* The header's checksum is made right: what is behind it is to be reached. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vfs_pack_header pack = {
        .magic = VFS_PACK_MAGIC, .version = VFS_IMAGE_VERSION, .header_size = sizeof pack};
    struct vfs_image image;
    struct vfs_image_header *h;
    uint8_t *index = malloc(size ? size : 1); /* as large as the input, for AddressSanitizer */
    if (!index)
        return 0;
    if (size)
        memcpy(index, data, size);
    h = (struct vfs_image_header *)(void *)index;
    if (size >= sizeof *h)
        h->checksum = XXH3_64bits(h, offsetof(struct vfs_image_header, checksum));
    if (vfs_image_open(&image, (struct vfs_image_map){index, size}) == 0) {
        const struct vfs_image_pack *named = vfs_image_pack(&image, 0);
        if (named) {
            pack.id = named->id;
            pack.pack_size = PACK_SIZE;
            pack.checksum = XXH3_64bits(&pack, offsetof(struct vfs_pack_header, checksum));
            sink += vfs_image_open_pack(
                        &image, (struct vfs_image_map){(const uint8_t *)&pack, PACK_SIZE}) == 0;
        }
        for (uint32_t i = 0; i < vfs_image_inode_count(&image) && i < INODES_MAX; i++)
            read_inode(&image, vfs_image_inode(&image, i));
    }
    free(index);
    return 0;
}
