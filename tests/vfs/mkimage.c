/* SPDX-License-Identifier: MIT */
/* An image from a table.  Simple rather than fast: every directory looks at every row. */

#include "mkimage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "lx/stat.h"
#include "vfs/image_format.h"

#define MTIME_NS 1700000000000000000ll
#define PAGE 4096u
#define SECTION_ALIGN 64u

struct node {
    const char *path;
    uint32_t inode;
};

struct builder {
    struct node *nodes; /* by row, after the root */
    uint32_t node_count;
    struct vfs_image_inode *inodes;
    uint32_t inode_count;
    struct vfs_image_entry *entries;
    uint32_t entry_count;
    char *names;
    uint32_t names_size;
    char *xattrs;
    uint32_t xattrs_size;
    uint8_t *pack;
    uint64_t pack_size;
};

static void *checked(void *block)
{
    if (!block)
        abort();
    return block;
}

static uint32_t add_name(struct builder *b, const char *text, uint32_t size)
{
    uint32_t at = b->names_size;
    b->names = checked(realloc(b->names, at + size + 1));
    memcpy(b->names + at, text, size);
    b->names_size += size;
    return at;
}

static uint64_t add_contents(struct builder *b, const char *text, uint64_t size)
{
    uint64_t at = size >= PAGE ? (b->pack_size + PAGE - 1) / PAGE * PAGE : b->pack_size;
    b->pack = checked(realloc(b->pack, at + size + 1));
    memset(b->pack + b->pack_size, 0, at - b->pack_size);
    memcpy(b->pack + at, text, size);
    b->pack_size = at + size;
    return at;
}

static struct vfs_image_key key_of(const void *bytes, uint64_t size)
{
    XXH128_hash_t h = XXH3_128bits(bytes, size);
    return (struct vfs_image_key){h.low64, h.high64};
}

static uint32_t add_xattr(struct builder *b, const char *text, uint32_t value_size)
{
    const char *value = strchr(text, '=') + 1;
    struct vfs_image_xattr x = {.value_size = value_size ? value_size : (uint32_t)strlen(value),
                                .name_size = (uint16_t)(value - text - 1)};
    uint32_t size = (uint32_t)(sizeof x + x.name_size + x.value_size + 7) & ~7u;
    uint32_t at = b->xattrs_size;
    b->xattrs = checked(realloc(b->xattrs, at + size));
    char *to = b->xattrs + at;
    memset(to, 0, size);
    memcpy(to, &x, sizeof x);
    memcpy(to + sizeof x, text, x.name_size);
    memcpy(to + sizeof x + x.name_size, value, x.value_size);
    b->xattrs_size += size;
    return at + 1;
}

static uint32_t find(const struct builder *b, const char *path, size_t size)
{
    for (uint32_t i = 0; i < b->node_count; i++) {
        if (strlen(b->nodes[i].path) == size && memcmp(b->nodes[i].path, path, size) == 0)
            return b->nodes[i].inode;
    }
    fprintf(stderr, "mkimage: no row for %.*s\n", (int)size, path);
    abort();
}

/* The directory that holds a path; the root's path is "" here. */
static uint32_t parent_of(const struct builder *b, const char *path)
{
    return find(b, path, (size_t)(strrchr(path, '/') - path));
}

static void add_inode(struct builder *b, const struct mkimage_row *row)
{
    struct vfs_image_inode *i = &b->inodes[b->inode_count];
    uint64_t size = row->size ? row->size : row->text ? strlen(row->text) : 0;
    i->mode = row->mode;
    i->uid = row->uid;
    i->gid = row->gid;
    i->rdev = row->rdev;
    i->nlink = 1;
    i->mtime_ns = MTIME_NS;
    i->xattrs = row->xattr ? add_xattr(b, row->xattr, row->value_size) : 0;
    switch (row->mode & LX_S_IFMT) {
    case LX_S_IFDIR:
        i->nlink = 2;
        i->parent = b->inode_count ? parent_of(b, row->path) : 0;
        if (b->inode_count)
            b->inodes[i->parent].nlink++;
        break;
    case LX_S_IFREG:
        i->size = size;
        i->data = add_contents(b, row->text ? row->text : "", size);
        i->key = key_of(row->text ? row->text : "", size);
        break;
    case LX_S_IFLNK:
        i->size = size;
        i->data = add_name(b, row->text, (uint32_t)size);
        break;
    default:
        break;
    }
    b->inode_count++;
}

static const char *g_names; /* for by_name() */

static int by_name(const void *left, const void *right)
{
    const struct vfs_image_entry *a = left, *b = right;
    int order = memcmp(g_names + a->name, g_names + b->name,
                       a->name_size < b->name_size ? a->name_size : b->name_size);
    return order ? order : (a->name_size > b->name_size) - (a->name_size < b->name_size);
}

static void add_entries(struct builder *b, uint32_t dir)
{
    uint32_t first = b->entry_count;
    for (uint32_t i = 1; i < b->node_count; i++) {
        const struct node *n = &b->nodes[i];
        if (parent_of(b, n->path) != dir)
            continue;
        const char *name = strrchr(n->path, '/') + 1;
        struct vfs_image_entry *e = &b->entries[b->entry_count++];
        e->name_size = (uint16_t)strlen(name);
        e->name = add_name(b, name, e->name_size);
        e->inode = n->inode;
        e->type = (uint8_t)((b->inodes[n->inode].mode & LX_S_IFMT) >> 12);
    }
    b->inodes[dir].data = first;
    b->inodes[dir].count = b->entry_count - first;
    g_names = b->names;
    if (b->entry_count > first)
        qsort(b->entries + first, b->entry_count - first, sizeof *b->entries, by_name);
}

void mkimage_seal_header(struct mkimage *image)
{
    struct vfs_image_header *h = (struct vfs_image_header *)image->index;
    h->checksum = XXH3_64bits(h, offsetof(struct vfs_image_header, checksum));
}

void mkimage_seal(struct mkimage *image)
{
    struct vfs_image_header *h = (struct vfs_image_header *)image->index;
    for (int i = 0; i < VFS_IMAGE_SECTIONS; i++)
        h->sections[i].checksum =
            XXH3_64bits(image->index + h->sections[i].offset, h->sections[i].size);
    mkimage_seal_header(image);
    struct vfs_pack_header *p = (struct vfs_pack_header *)image->pack;
    p->checksum = XXH3_64bits(p, offsetof(struct vfs_pack_header, checksum));
}

static void assemble(const struct builder *b, struct mkimage *out)
{
    const struct vfs_pack_header ph = {.magic = VFS_PACK_MAGIC,
                                       .version = VFS_IMAGE_VERSION,
                                       .header_size = sizeof ph,
                                       .id = {1, 2},
                                       .pack_size = b->pack_size};
    const struct vfs_image_pack pack = {ph.id, ph.pack_size};
    memcpy(b->pack, &ph, sizeof ph);
    const struct {
        const void *bytes;
        uint64_t size;
    } parts[VFS_IMAGE_SECTIONS] = {
        {b->inodes, b->inode_count * sizeof *b->inodes},
        {b->entries, b->entry_count * sizeof *b->entries},
        {b->names, b->names_size},
        {b->xattrs, b->xattrs_size},
        {NULL, 0},
        {&pack, sizeof pack},
        {"{}", 2},
    };
    struct vfs_image_header h = {
        .magic = VFS_IMAGE_MAGIC, .version = VFS_IMAGE_VERSION, .header_size = sizeof h};
    uint64_t at = sizeof h;
    for (int i = 0; i < VFS_IMAGE_SECTIONS; i++) {
        at = (at + SECTION_ALIGN - 1) / SECTION_ALIGN * SECTION_ALIGN;
        h.sections[i] = (struct vfs_image_range){.offset = at, .size = parts[i].size};
        at += parts[i].size;
    }
    h.index_size = at;
    out->index = checked(calloc(1, at));
    out->index_size = at;
    memcpy(out->index, &h, sizeof h);
    for (int i = 0; i < VFS_IMAGE_SECTIONS; i++) {
        if (parts[i].size)
            memcpy(out->index + h.sections[i].offset, parts[i].bytes, parts[i].size);
    }
    out->pack = b->pack;
    out->pack_size = b->pack_size;
    mkimage_seal(out);
}

void mkimage_build(const struct mkimage_row *rows, uint32_t count, struct mkimage *out)
{
    static const struct mkimage_row root = {.path = "", .mode = LX_S_IFDIR | 0755};
    struct builder b = {.pack_size = sizeof(struct vfs_pack_header)};
    b.pack = checked(calloc(1, b.pack_size));
    b.nodes = checked(calloc(count + 1, sizeof *b.nodes));
    b.inodes = checked(calloc(count + 1, sizeof *b.inodes));
    b.entries = checked(calloc(count + 1, sizeof *b.entries));
    for (uint32_t i = 0; i <= count; i++) {
        const struct mkimage_row *row = i ? &rows[i - 1] : &root;
        uint32_t inode = row->same ? find(&b, row->same, strlen(row->same)) : b.inode_count;
        if (row->same)
            b.inodes[inode].nlink++;
        else
            add_inode(&b, row);
        b.nodes[b.node_count++] = (struct node){row->path, inode};
    }
    for (uint32_t i = 0; i < b.inode_count; i++) {
        if ((b.inodes[i].mode & LX_S_IFMT) == LX_S_IFDIR)
            add_entries(&b, i);
    }
    assemble(&b, out);
    free(b.nodes);
    free(b.inodes);
    free(b.entries);
    free(b.names);
    free(b.xattrs);
}

int mkimage_open(const struct mkimage *image, struct vfs_image *out)
{
    int err = vfs_image_open(out, (struct vfs_image_map){image->index, image->index_size});
    if (err == 0)
        err = vfs_image_open_pack(out, (struct vfs_image_map){image->pack, image->pack_size});
    return err;
}

void mkimage_free(struct mkimage *image)
{
    free(image->index);
    free(image->pack);
}
