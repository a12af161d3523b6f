/* SPDX-License-Identifier: MIT */
/* An image's index, of any bytes: whatever is attached can be read, and never beyond its end. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lx/stat.h"
#include "vfs/image.h"

#define INODES_MAX 256u
#define NAMES_MAX 64u
#define PACK_SIZE 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void touch(const void *bytes, uint64_t size)
{
    for (uint64_t i = 0; bytes && i < size; i++)
        sink ^= ((const uint8_t *)bytes)[i];
}

static void read_directory(const struct vfs_image_inode *dir)
{
    const char *name;
    for (uint32_t n = 0; n < dir->count && n < NAMES_MAX; n++) {
        const struct vfs_image_entry *e = vfs_image_entry(dir, n, &name);
        if (!e)
            continue;
        touch(name, e->name_size);
        int64_t found = vfs_image_find(dir, name, e->name_size);
        if (found >= (int64_t)dir->count)
            abort();
        vfs_image_inode(e->inode);
    }
}

static void read_inode(const struct vfs_image_inode *inode)
{
    const struct vfs_image_xattr *x;
    const char *name;
    const void *value;
    if ((inode->mode & LX_S_IFMT) == LX_S_IFDIR)
        read_directory(inode);
    else
        touch(vfs_image_data(inode), inode->size);
    for (uint32_t n = 0; n < NAMES_MAX && (x = vfs_image_xattr(inode, n, &name, &value)); n++) {
        touch(name, x->name_size);
        touch(value, x->value_size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t pack[PACK_SIZE];
    uint8_t *index = malloc(size ? size : 1); /* as large as the input, for AddressSanitizer */
    if (!index)
        return 0;
    if (size)
        memcpy(index, data, size);
    if (vfs_image_attach(index, size, pack, sizeof pack) == 0) {
        for (uint32_t i = 0; i < vfs_image_inode_count() && i < INODES_MAX; i++)
            read_inode(vfs_image_inode(i));
    }
    free(index);
    return 0;
}
