/* SPDX-License-Identifier: MIT */
/*
 * Inodes are numbered breadth first from the root, names in byte order, so that an
 * index does not depend on the order of the archive.  Read backwards, the same
 * order has every directory after all that is in it, which gives the keys without
 * recursion.
 */

#include "index.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lx/errno.h"
#include "lx/stat.h"
#include "writer.h"

struct index {
    struct image_tree *tree;
    struct vfs_image_header *header;
    uint32_t *order;   /* nodes by inode number */
    uint32_t *entries; /* the tree's entries in the order of the index */
    uint32_t inode_count, entry_count;
    XXH3_state_t *hash;
    struct image_writer writer;
};

static int is_directory(const struct image_node *n)
{
    return (n->mode & LX_S_IFMT) == LX_S_IFDIR;
}

/* ---- Numbers and order --------------------------------------------------- */

struct sorted {
    const uint8_t *name;
    uint32_t name_size, entry;
};

static int compare_names(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    size_t size = x->name_size < y->name_size ? x->name_size : y->name_size;
    int order = memcmp(x->name, y->name, size);
    return order ? order : (x->name_size > y->name_size) - (x->name_size < y->name_size);
}

static void number(struct index *x, uint32_t node)
{
    struct image_node *n = &x->tree->nodes[node];
    n->number = x->inode_count;
    n->nlink = is_directory(n) ? 2 : 0;
    if ((n->mode & LX_S_IFMT) == LX_S_IFREG)
        x->header->file_size += n->size;
    x->order[x->inode_count++] = node;
}

/* Number what the entry names, if it has no number yet, and count it. */
static void count_entry(struct index *x, uint32_t dir, uint32_t entry)
{
    struct image_node *parent = &x->tree->nodes[dir];
    uint32_t node = x->tree->entries[entry].node;
    struct image_node *n = &x->tree->nodes[node];
    x->entries[x->entry_count++] = entry;
    if (n->number == IMAGE_NONE)
        number(x, node);
    if (is_directory(n)) {
        parent->nlink++;
        x->header->directory_count++;
        return;
    }
    n->nlink++;
    x->header->file_count++;
}

/* Sort a directory's entries and number what they name; `names` has room for all entries. */
static void add_directory(struct index *x, uint32_t dir, struct sorted *names)
{
    struct image_tree *t = x->tree;
    uint32_t count = 0;
    for (uint32_t i = t->nodes[dir].children; i != IMAGE_NONE; i = t->entries[i].sibling) {
        const struct image_entry *e = &t->entries[i];
        if (e->node == IMAGE_NONE) /* a whiteout hides it */
            continue;
        names[count++] = (struct sorted){t->names + e->name, e->name_size, i};
    }
    if (count)
        qsort(names, count, sizeof *names, compare_names);
    t->nodes[dir].first = x->entry_count;
    t->nodes[dir].count = count;
    for (uint32_t i = 0; i < count; i++)
        count_entry(x, dir, names[i].entry);
}

static int sort_tree(struct index *x)
{
    struct image_tree *t = x->tree;
    x->order = malloc(t->node_count * sizeof *x->order);
    x->entries = malloc((t->entry_count + 1) * sizeof *x->entries);
    struct sorted *names = malloc((t->entry_count + 1) * sizeof *names);
    if (x->order && x->entries && names) {
        number(x, 0);
        for (uint32_t i = 0; i < x->inode_count; i++)
            if (is_directory(&t->nodes[x->order[i]]))
                add_directory(x, x->order[i], names);
    }
    free(names);
    return x->order && x->entries && names ? 0 : -LX_ENOMEM;
}

/* ---- Keys ---------------------------------------------------------------- */

static void hash_bytes(struct index *x, const void *data, size_t size)
{
    XXH3_128bits_update(x->hash, data, size);
}

static struct vfs_image_key digest(struct index *x)
{
    XXH128_hash_t h = XXH3_128bits_digest(x->hash);
    return (struct vfs_image_key){h.low64, h.high64};
}

/* Bytes of all of an inode's records of extended attributes. */
static size_t xattrs_size(const struct image_tree *t, const struct image_node *n)
{
    if (!n->xattrs)
        return 0;
    const uint8_t *records = t->xattrs + n->xattrs - 1;
    size_t size = 0;
    struct vfs_image_xattr head;
    do {
        memcpy(&head, records + size, sizeof head);
        size += (sizeof head + head.name_size + head.value_size + 7) & ~(size_t)7;
    } while (head.more);
    return size;
}

/* One record of a canonical listing; see docs/store-format.md. */
static void hash_record(struct index *x, struct image_bytes name, const struct image_node *n)
{
    struct {
        uint32_t name_size, mode, uid, gid;
        int64_t mtime_ns;
        uint64_t size;
        struct vfs_image_key key;
        uint32_t rdev, xattrs_size;
    } record = {.name_size = (uint32_t)name.size,
                .mode = n->mode,
                .uid = n->uid,
                .gid = n->gid,
                .mtime_ns = n->mtime_ns,
                .size = n->size,
                .key = n->key,
                .rdev = n->rdev,
                .xattrs_size = (uint32_t)xattrs_size(x->tree, n)};
    _Static_assert(sizeof record == 56, "the record has no padding");
    hash_bytes(x, &record, sizeof record);
    hash_bytes(x, name.data, name.size);
    if (record.xattrs_size)
        hash_bytes(x, x->tree->xattrs + n->xattrs - 1, record.xattrs_size);
    if ((n->mode & LX_S_IFMT) == LX_S_IFLNK)
        hash_bytes(x, x->tree->names + n->data, n->size);
}

static void hash_directory(struct index *x, struct image_node *dir)
{
    struct image_tree *t = x->tree;
    XXH3_128bits_reset(x->hash);
    for (uint32_t i = 0; i < dir->count; i++) {
        const struct image_entry *e = &t->entries[x->entries[dir->first + i]];
        hash_record(x, (struct image_bytes){t->names + e->name, e->name_size}, &t->nodes[e->node]);
    }
    dir->key = digest(x);
}

/* Keys of all directories, deepest first, and the tree's: the root and who shares an inode. */
static void hash_tree(struct index *x)
{
    struct image_tree *t = x->tree;
    for (uint32_t i = x->inode_count; i-- > 0;)
        if (is_directory(&t->nodes[x->order[i]]))
            hash_directory(x, &t->nodes[x->order[i]]);

    XXH3_128bits_reset(x->hash);
    hash_record(x, (struct image_bytes){(const uint8_t *)"", 0}, &t->nodes[0]);
    for (uint32_t i = 0; i < x->entry_count; i++) {
        const struct image_node *n = &t->nodes[t->entries[x->entries[i]].node];
        if (is_directory(n) || n->nlink == 1)
            continue;
        uint32_t link[2] = {i, n->number};
        hash_bytes(x, link, sizeof link);
    }
    x->header->tree = digest(x);
}

/* ---- Writing ------------------------------------------------------------- */

static int put_inodes(struct index *x)
{
    const struct image_tree *t = x->tree;
    for (uint32_t i = 0; i < x->inode_count; i++) {
        const struct image_node *n = &t->nodes[x->order[i]];
        struct vfs_image_inode inode = {
            .mode = n->mode,
            .uid = n->uid,
            .gid = n->gid,
            .nlink = n->nlink,
            .mtime_ns = n->mtime_ns,
            .size = n->size,
            .data = n->data,
            .count = n->count,
            .rdev = n->rdev,
            .xattrs = n->xattrs,
            .key = n->key,
        };
        if (is_directory(n)) {
            inode.data = n->first;
            inode.parent = t->nodes[n->parent].number;
        } else if ((n->mode & LX_S_IFMT) == LX_S_IFREG) {
            inode.pack = n->pack;
        }
        int err = image_writer_put(&x->writer, &inode, sizeof inode);
        if (err < 0)
            return err;
    }
    return 0;
}

static int put_entries(struct index *x)
{
    const struct image_tree *t = x->tree;
    for (uint32_t i = 0; i < x->entry_count; i++) {
        const struct image_entry *e = &t->entries[x->entries[i]];
        const struct image_node *n = &t->nodes[e->node];
        struct vfs_image_entry entry = {
            .name = e->name,
            .name_size = (uint16_t)e->name_size,
            .type = (uint8_t)((n->mode & LX_S_IFMT) >> 12),
            .inode = n->number,
        };
        int err = image_writer_put(&x->writer, &entry, sizeof entry);
        if (err < 0)
            return err;
    }
    return 0;
}

static int put_section(struct index *x, const struct image_draft *d, enum vfs_image_section which)
{
    struct image_writer *w = &x->writer;
    const struct image_pack_use *use = d->use;
    int err = image_writer_begin(w, &x->header->sections[which]);
    if (err < 0)
        return err;
    switch (which) {
    case VFS_IMAGE_INODES:
        err = put_inodes(x);
        break;
    case VFS_IMAGE_ENTRIES:
        err = put_entries(x);
        break;
    case VFS_IMAGE_NAMES:
        err = image_writer_put(w, x->tree->names, x->tree->names_size);
        break;
    case VFS_IMAGE_XATTRS:
        err = image_writer_put(w, x->tree->xattrs, x->tree->xattrs_size);
        break;
    case VFS_IMAGE_EXTENTS:
        err = image_writer_put(w, use->extents, use->extent_count * sizeof *use->extents);
        break;
    case VFS_IMAGE_PACKS:
        err = image_writer_put(w, use->packs, use->pack_count * sizeof *use->packs);
        break;
    default:
        err = image_writer_put(w, d->config, strlen(d->config));
        break;
    }
    image_writer_end(w, &x->header->sections[which]);
    return err;
}

static int write_index(struct index *x, const struct image_draft *d)
{
    struct vfs_image_header *h = x->header;
    int err = image_writer_put(&x->writer, h, sizeof *h); /* its place; the real one comes last */
    for (int i = 0; i < VFS_IMAGE_SECTIONS && err == 0; i++)
        err = put_section(x, d, (enum vfs_image_section)i);
    if (err == 0)
        err = image_writer_flush(&x->writer);
    if (err < 0)
        return err;
    h->index_size = x->writer.flushed;
    h->checksum = XXH3_64bits(h, offsetof(struct vfs_image_header, checksum));
    return image_file_write(x->writer.file, h, sizeof *h, 0);
}

int image_index_write(struct image_draft *draft, struct plat_file *file)
{
    struct index x = {.tree = draft->tree, .header = &draft->header};
    draft->header = (struct vfs_image_header){.magic = VFS_IMAGE_MAGIC,
                                              .version = VFS_IMAGE_VERSION,
                                              .header_size = sizeof draft->header};
    x.hash = XXH3_createState();
    int err = x.hash ? image_writer_init(&x.writer, file, 0) : -LX_ENOMEM;
    if (err == 0)
        err = sort_tree(&x);
    if (err == 0) {
        draft->header.directory_count++; /* the root, which has no entry */
        hash_tree(&x);
        XXH3_128bits_reset(x.hash);
        hash_bytes(&x, &draft->header.tree, sizeof draft->header.tree);
        hash_bytes(&x, draft->config, strlen(draft->config));
        draft->id = digest(&x);
        err = write_index(&x, draft);
    }
    image_writer_fini(&x.writer);
    XXH3_freeState(x.hash);
    free(x.entries);
    free(x.order);
    return err;
}
