/* SPDX-License-Identifier: MIT */
/* Mapped images, read in place and never beyond their bounds. */

#include "vfs/image.h"

#include "checksum.h"
#include "core/layout.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/stat.h"

static struct vfs_image g_image; /* the container's; constant once attached */

static int in_bounds(uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset;
}

static int sections_fit(const struct vfs_image_range *sections, uint32_t count, uint64_t limit)
{
    for (uint32_t i = 0; i < count; i++) {
        if (sections[i].offset % 8 || !in_bounds(sections[i].offset, sections[i].size, limit))
            return 0;
    }
    return 1;
}

static int is_directory(const struct vfs_image_inode *i)
{
    return i && (i->mode & LX_S_IFMT) == LX_S_IFDIR;
}

int vfs_image_open(struct vfs_image *out, struct vfs_image_map index)
{
    const struct vfs_image_header *h = (const void *)index.data;
    *out = (struct vfs_image){.index = index};
    if (index.size < sizeof *h || (uintptr_t)index.data % 8 || h->magic != VFS_IMAGE_MAGIC ||
        h->version != VFS_IMAGE_VERSION || h->header_size != sizeof *h ||
        h->index_size > index.size ||
        h->checksum != image_hash64(h, offsetof(struct vfs_image_header, checksum)) ||
        !sections_fit(h->sections, VFS_IMAGE_SECTIONS, index.size) ||
        !is_directory(vfs_image_inode(out, 0)))
        return -LX_EIO;
    return 0;
}

int vfs_image_open_pack(struct vfs_image *image, struct vfs_image_map pack)
{
    const struct vfs_pack_header *h = (const void *)pack.data;
    const struct vfs_image_pack *named = vfs_image_pack(image, image->pack_count);
    if (!named || image->pack_count == VFS_IMAGE_PACKS_MAX || pack.size < sizeof *h ||
        (uintptr_t)pack.data % 8 || h->magic != VFS_PACK_MAGIC || h->version != VFS_IMAGE_VERSION ||
        h->header_size != sizeof *h || h->pack_size != pack.size || named->size != pack.size ||
        h->id.low != named->id.low || h->id.high != named->id.high ||
        h->checksum != image_hash64(h, offsetof(struct vfs_pack_header, checksum)) ||
        !sections_fit(h->sections, VFS_PACK_SECTIONS, pack.size))
        return -LX_EIO;
    image->packs[image->pack_count++] = pack;
    return 0;
}

void vfs_image_attach(const struct vfs_image *image)
{
    g_image = *image;
}

const struct vfs_image *vfs_image_attached(void)
{
    return &g_image;
}

const void *vfs_image_section(const struct vfs_image *image, enum vfs_image_section which,
                              uint64_t offset, uint64_t size)
{
    const struct vfs_image_range *s = &vfs_image_header(image)->sections[which];
    return in_bounds(offset, size, s->size) ? image->index.data + s->offset + offset : NULL;
}

const struct vfs_image_pack *vfs_image_pack(const struct vfs_image *image, uint32_t n)
{
    const struct vfs_image_pack *p;
    return vfs_image_section(image, VFS_IMAGE_PACKS, n * sizeof *p, sizeof *p);
}

uint32_t vfs_image_inode_count(const struct vfs_image *image)
{
    uint64_t size = vfs_image_header(image)->sections[VFS_IMAGE_INODES].size;
    return (uint32_t)(size / sizeof(struct vfs_image_inode));
}

const struct vfs_image_inode *vfs_image_inode(const struct vfs_image *image, uint32_t i)
{
    const struct vfs_image_inode *inode;
    return vfs_image_section(image, VFS_IMAGE_INODES, i * sizeof *inode, sizeof *inode);
}

const struct vfs_image_entry *vfs_image_entry(const struct vfs_image *image,
                                              const struct vfs_image_inode *dir, uint32_t n,
                                              const char **name)
{
    const struct vfs_image_entry *e;
    *name = NULL;
    if (n >= dir->count || dir->data > UINT32_MAX)
        return NULL;
    e = vfs_image_section(image, VFS_IMAGE_ENTRIES, (dir->data + n) * sizeof *e, sizeof *e);
    if (!e)
        return NULL;
    *name = vfs_image_section(image, VFS_IMAGE_NAMES, e->name, e->name_size);
    return *name ? e : NULL;
}

/* Byte order of names, a shorter one first. */
static int compare(const char *a, uint32_t a_size, const char *b, uint32_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

int64_t vfs_image_find(const struct vfs_image *image, const struct vfs_image_inode *dir,
                       const char *name, uint32_t name_size)
{
    uint32_t low = 0, high = dir->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *other;
        const struct vfs_image_entry *e = vfs_image_entry(image, dir, middle, &other);
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

int64_t vfs_image_lookup(const struct vfs_image *image, const struct vfs_image_inode *dir,
                         const char *name, uint32_t name_size)
{
    int64_t n = vfs_image_find(image, dir, name, name_size);
    if (n < 0)
        return n;
    const struct vfs_image_entry *e = vfs_image_entry(image, dir, (uint32_t)n, &name);
    return e ? (int64_t)e->inode : -LX_EIO;
}

int64_t vfs_image_find_content(const struct vfs_image *image, struct vfs_image_key key)
{
    for (uint32_t i = 0; i < vfs_image_inode_count(image); i++) {
        const struct vfs_image_inode *inode = vfs_image_inode(image, i);
        if (inode && vfs_image_same_key(inode->key, key) && (inode->mode & LX_S_IFMT) == LX_S_IFREG)
            return i;
    }
    return -LX_ENOENT;
}

const char *vfs_image_target(const struct vfs_image *image, const struct vfs_image_inode *inode)
{
    return vfs_image_section(image, VFS_IMAGE_NAMES, inode->data, inode->size);
}

/* ---- Contents ------------------------------------------------------------ */

static const struct vfs_image_extent *extent(const struct vfs_image *image,
                                             const struct vfs_image_inode *inode, uint32_t n)
{
    const struct vfs_image_extent *e;
    if (inode->data > UINT32_MAX)
        return NULL;
    return vfs_image_section(image, VFS_IMAGE_EXTENTS, (inode->data + n) * sizeof *e, sizeof *e);
}

static const uint8_t *pack_bytes(const struct vfs_image *image, uint32_t pack, uint64_t offset,
                                 uint64_t size)
{
    if (pack >= image->pack_count || !in_bounds(offset, size, image->packs[pack].size))
        return NULL;
    return image->packs[pack].data + offset;
}

static const void *zeros(uint64_t offset, uint64_t until, uint64_t *size)
{
    static const uint8_t page[CORE_PAGE_SIZE];
    uint64_t in_page = offset % CORE_PAGE_SIZE, left = CORE_PAGE_SIZE - in_page;
    *size = until - offset < left ? until - offset : left;
    return page + in_page;
}

/* A content with extents: find the last one that starts at or before `offset`. */
static const void *sparse_content(const struct vfs_image *image,
                                  const struct vfs_image_inode *inode, uint64_t offset,
                                  uint64_t *size)
{
    uint32_t low = 0, high = inode->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct vfs_image_extent *e = extent(image, inode, middle);
        if (!e)
            return NULL;
        if (e->at <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    const struct vfs_image_extent *e = low ? extent(image, inode, low - 1) : NULL;
    if (e && offset - e->at < e->size) {
        uint64_t skip = offset - e->at;
        *size = e->size - skip < inode->size - offset ? e->size - skip : inode->size - offset;
        return e->data > UINT64_MAX - skip ? NULL
                                           : pack_bytes(image, inode->pack, e->data + skip, *size);
    }
    uint64_t until = inode->size;
    if (low < inode->count) {
        e = extent(image, inode, low);
        if (!e)
            return NULL;
        until = e->at < until ? e->at : until;
    }
    return zeros(offset, until, size);
}

const void *vfs_image_content(const struct vfs_image *image, const struct vfs_image_inode *inode,
                              uint64_t offset, uint64_t *size)
{
    *size = 0;
    if (offset >= inode->size)
        return NULL;
    if (inode->count)
        return sparse_content(image, inode, offset, size);
    const uint8_t *all = pack_bytes(image, inode->pack, inode->data, inode->size);
    *size = inode->size - offset;
    return all ? all + offset : NULL;
}

int vfs_image_check(const struct vfs_image *image, const struct vfs_image_inode *inode)
{
    if (!inode->size)
        return 0;
    if (!inode->count) {
        const uint8_t *all = pack_bytes(image, inode->pack, inode->data, inode->size);
        if (!all)
            return -LX_EIO;
        struct vfs_image_key key = image_hash128(all, inode->size);
        return vfs_image_same_key(key, inode->key) ? 0 : -LX_EIO;
    }
    for (uint32_t i = 0; i < inode->count; i++) {
        const struct vfs_image_extent *e = extent(image, inode, i);
        const uint8_t *part = e ? pack_bytes(image, inode->pack, e->data, e->size) : NULL;
        if (!part || image_hash128(part, e->size).low != e->checksum)
            return -LX_EIO;
    }
    return 0;
}

/* ---- Extended attributes ------------------------------------------------- */

const struct vfs_image_xattr *vfs_image_xattr(const struct vfs_image *image,
                                              const struct vfs_image_inode *inode, uint32_t n,
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
        const struct vfs_image_xattr *x =
            vfs_image_section(image, VFS_IMAGE_XATTRS, offset, sizeof *x);
        if (!x)
            return NULL;
        uint64_t size = sizeof *x + x->name_size + (uint64_t)x->value_size;
        const char *bytes = vfs_image_section(image, VFS_IMAGE_XATTRS, offset, size);
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
