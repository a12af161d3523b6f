/* SPDX-License-Identifier: MIT */
/* The mapped image, read in place and never beyond its bounds. */

#include "vfs/image.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/stat.h"

static struct {
    const struct vfs_image_header *header;
    const uint8_t *index, *pack;
    uint64_t pack_size;
} g_image; /* this process's mappings; constant once attached */

int vfs_image_attach(const void *index, uint64_t index_size, const void *pack, uint64_t pack_size)
{
    const struct vfs_image_header *h = index;
    if (index_size < sizeof *h || (uintptr_t)index % 8 || h->magic != VFS_IMAGE_MAGIC ||
        h->version != VFS_IMAGE_VERSION || h->header_size != sizeof *h ||
        h->index_size > index_size || h->pack_size > pack_size)
        return -LX_EIO;
    for (uint32_t i = 0; i < VFS_IMAGE_SECTIONS; i++) {
        const struct vfs_image_range *s = &h->sections[i];
        if (s->offset % 8 || s->offset > index_size || s->size > index_size - s->offset)
            return -LX_EIO;
    }
    g_image.header = h;
    g_image.index = index;
    g_image.pack = pack;
    g_image.pack_size = h->pack_size;
    const struct vfs_image_inode *root = vfs_image_inode(0);
    return root && (root->mode & LX_S_IFMT) == LX_S_IFDIR ? 0 : -LX_EIO;
}

static const void *section(enum vfs_image_section which, uint64_t offset, uint64_t size)
{
    const struct vfs_image_range *s = &g_image.header->sections[which];
    if (offset > s->size || size > s->size - offset)
        return NULL;
    return g_image.index + s->offset + offset;
}

uint32_t vfs_image_inode_count(void)
{
    uint64_t size = g_image.header->sections[VFS_IMAGE_INODES].size;
    return (uint32_t)(size / sizeof(struct vfs_image_inode));
}

const struct vfs_image_inode *vfs_image_inode(uint32_t i)
{
    return section(VFS_IMAGE_INODES, (uint64_t)i * sizeof(struct vfs_image_inode),
                   sizeof(struct vfs_image_inode));
}

const struct vfs_image_entry *vfs_image_entry(const struct vfs_image_inode *dir, uint32_t n,
                                              const char **name)
{
    *name = NULL;
    if (n >= dir->count || dir->data > UINT32_MAX)
        return NULL;
    const struct vfs_image_entry *e =
        section(VFS_IMAGE_ENTRIES, (dir->data + n) * sizeof *e, sizeof *e);
    if (!e)
        return NULL;
    *name = section(VFS_IMAGE_NAMES, e->name, e->name_size);
    return *name ? e : NULL;
}

/* Byte order of names, a shorter one first. */
static int compare(const char *a, uint32_t a_size, const char *b, uint32_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

int64_t vfs_image_find(const struct vfs_image_inode *dir, const char *name, uint32_t name_size)
{
    uint32_t low = 0, high = dir->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *other;
        const struct vfs_image_entry *e = vfs_image_entry(dir, middle, &other);
        if (!e)
            return -LX_EIO;
        int order = compare(name, name_size, other, e->name_size);
        if (order == 0)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -LX_ENOENT;
}

int64_t vfs_image_lookup(const struct vfs_image_inode *dir, const char *name, uint32_t name_size)
{
    int64_t n = vfs_image_find(dir, name, name_size);
    if (n < 0)
        return n;
    const struct vfs_image_entry *e = vfs_image_entry(dir, (uint32_t)n, &name);
    return e ? (int64_t)e->inode : -LX_EIO;
}

const void *vfs_image_data(const struct vfs_image_inode *inode)
{
    if ((inode->mode & LX_S_IFMT) == LX_S_IFLNK)
        return section(VFS_IMAGE_NAMES, inode->data, inode->size);
    if (inode->data > g_image.pack_size || inode->size > g_image.pack_size - inode->data)
        return NULL;
    return g_image.pack + inode->data;
}

const struct vfs_image_xattr *vfs_image_xattr(const struct vfs_image_inode *inode, uint32_t n,
                                              const char **name, const void **value)
{
    *name = NULL;
    *value = NULL;
    if (!inode->xattrs)
        return NULL;
    uint64_t offset = inode->xattrs - 1;
    if (offset % 8)
        return NULL;
    for (;; n--) {
        const struct vfs_image_xattr *x = section(VFS_IMAGE_XATTRS, offset, sizeof *x);
        if (!x)
            return NULL;
        uint64_t size = sizeof *x + x->name_size + (uint64_t)x->value_size;
        const char *bytes = section(VFS_IMAGE_XATTRS, offset, size);
        if (!bytes)
            return NULL;
        if (n == 0) {
            *name = bytes + sizeof *x;
            *value = *name + x->name_size;
            return x;
        }
        if (!x->more)
            return NULL;
        offset += (size + 7) & ~7ull;
    }
}
