/* SPDX-License-Identifier: MIT */
/* From a container's changes to an image: they are added to the old one's tree. */

#include "image/commit.h"

#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "lx/errno.h"
#include "lx/stat.h"
#include "vfs/changes.h"
#include "vfs/inode.h"

#define READ_SIZE (256u << 10)
#define VALUE_SIZE (64u << 10) /* setxattr(2) */

/* An inode that the image had not, and its node. */
struct fresh {
    struct vfs_inode *inode;
    uint32_t node;
    uint32_t next; /* in its bucket: index plus 1, or 0 */
};

#define BUCKETS 4096u

struct commit {
    const struct image *base;
    struct image_build *b;
    uint32_t count;   /* inodes of the base */
    uint32_t *remade; /* by inode of the base: its new node, or 0 */
    uint32_t dir;     /* whose names are being read */
    uint8_t *buffer;  /* READ_SIZE; also of attributes */
    struct fresh *fresh;
    uint32_t fresh_count, fresh_capacity;
    uint32_t buckets[BUCKETS];
};

static int failed(struct commit *c, int err)
{
    return image_build_failed(c->b, err);
}

/* ---- One inode ----------------------------------------------------------- */

/* Its extended attributes, in place of those the node has. */
static int add_xattrs(struct commit *c, struct vfs_inode *inode, struct image_node *node)
{
    char *value = (char *)c->buffer;
    int64_t size = vfs_inode_listxattr(inode, NULL, 0);
    node->xattrs = 0;
    if (size <= 0)
        return size == -LX_EOPNOTSUPP ? 0 : (int)size;
    char *list = malloc((size_t)size);
    if (!list)
        return -LX_ENOMEM;
    size = vfs_inode_listxattr(inode, list, (uint64_t)size);
    int err = size < 0 ? (int)size : 0;
    for (char *name = list; err == 0 && name < list + size; name += strlen(name) + 1) {
        int64_t n = vfs_inode_getxattr(inode, name, value, VALUE_SIZE);
        uint32_t offset;
        if (n < 0) {
            err = (int)n;
            break;
        }
        err = image_tree_add_xattr(&c->b->tree,
                                   (struct image_bytes){(const uint8_t *)name, strlen(name)},
                                   (struct image_bytes){(const uint8_t *)value, (size_t)n},
                                   name + strlen(name) + 1 < list + size, &offset);
        if (err == 0 && !node->xattrs)
            node->xattrs = offset + 1;
    }
    free(list);
    return err;
}

static int add_attributes(struct commit *c, struct vfs_inode *inode, struct image_node *node)
{
    node->mode = inode->mode;
    node->uid = inode->uid;
    node->gid = inode->gid;
    node->rdev = inode->rdev;
    node->mtime_ns = inode->mtime_ns;
    return add_xattrs(c, inode, node);
}

/* A file's bytes; its holes are not read. */
static int add_contents(struct commit *c, struct vfs_inode *inode, struct image_node *node)
{
    uint64_t size = vfs_inode_size(inode), at = 0;
    c->b->file_bytes += size;
    int err = image_pack_begin(c->b->pack, size);
    while (err == 0 && at < size) {
        int64_t data = vfs_inode_seek(inode, (int64_t)at, 0);
        uint64_t begin = data < 0 ? size : (uint64_t)data;
        if (begin > at) {
            err = image_pack_append_zeros(c->b->pack, begin - at);
            at = begin;
            continue;
        }
        int64_t end = vfs_inode_seek(inode, (int64_t)at, 1);
        uint64_t part = end < 0 ? size - at : (uint64_t)end - at;
        int64_t n = vfs_inode_read(inode, c->buffer, part < READ_SIZE ? part : READ_SIZE, at);
        if (n <= 0)
            return n < 0 ? (int)n : -LX_EIO;
        err = image_pack_append(c->b->pack, c->buffer, (uint64_t)n);
        at += (uint64_t)n;
    }
    return err == 0 ? image_build_content(c->b, node) : err;
}

/* ---- Inodes of the base -------------------------------------------------- */

/* One with other contents becomes another node, since the base's contents are kept as they are. */
static int apply_change(struct commit *c, uint32_t index)
{
    struct image_tree *t = &c->b->tree;
    struct vfs_inode *inode;
    enum vfs_change change = vfs_changes_of(index, &inode);
    if (change == VFS_UNCHANGED)
        return 0;
    if (change == VFS_CHANGED_ATTRIBUTES) {
        int err = add_attributes(c, inode, &t->nodes[index]);
        return err < 0 ? failed(c, err) : 0;
    }
    struct image_node node = {.mode = 0};
    int err = add_attributes(c, inode, &node);
    if (err == 0)
        err = add_contents(c, inode, &node);
    if (err == 0)
        err = image_tree_add(t, &node, &c->remade[index]);
    return err < 0 ? failed(c, err) : 0;
}

/* All names of what became another node. */
static void rename_remade(struct commit *c)
{
    struct image_tree *t = &c->b->tree;
    for (uint32_t i = 0; i < t->entry_count; i++) {
        uint32_t node = t->entries[i].node;
        if (node < c->count && c->remade[node])
            t->entries[i].node = c->remade[node];
    }
}

/* ---- New inodes ---------------------------------------------------------- */

static uint32_t *bucket_of(struct commit *c, const struct vfs_inode *inode)
{
    return &c->buckets[(uintptr_t)inode / 64 % BUCKETS];
}

static int find_fresh(struct commit *c, const struct vfs_inode *inode, uint32_t *node)
{
    for (uint32_t i = *bucket_of(c, inode); i; i = c->fresh[i - 1].next) {
        if (c->fresh[i - 1].inode == inode) {
            *node = c->fresh[i - 1].node;
            return 1;
        }
    }
    return 0;
}

static int remember(struct commit *c, struct vfs_inode *inode, uint32_t node)
{
    if (c->fresh_count == c->fresh_capacity) {
        uint32_t capacity = c->fresh_capacity * 2 + 64;
        struct fresh *larger = realloc(c->fresh, capacity * sizeof *larger);
        if (!larger)
            return failed(c, -LX_ENOMEM);
        c->fresh = larger;
        c->fresh_capacity = capacity;
    }
    uint32_t *bucket = bucket_of(c, inode);
    c->fresh[c->fresh_count] = (struct fresh){inode, node, *bucket};
    *bucket = ++c->fresh_count;
    return 0;
}

/* Make the name mean a new inode; a directory's names are read in its turn. */
static int add_fresh(struct commit *c, struct vfs_inode *inode, struct image_bytes name)
{
    struct image_tree *t = &c->b->tree;
    struct image_node node = {.mode = 0};
    uint32_t number;
    int err = add_attributes(c, inode, &node);
    if (err == 0 && VFS_IS_LNK(inode)) {
        char target[IMAGE_PATH_MAX];
        int64_t n = vfs_inode_readlink(inode, target, sizeof target);
        const struct image_bytes bytes = {(const uint8_t *)target, n < 0 ? 0 : (size_t)n};
        err = n < 0 ? (int)n : image_build_target(c->b, bytes, &node);
    } else if (err == 0 && VFS_IS_REG(inode)) {
        err = add_contents(c, inode, &node);
    }
    if (err == 0)
        err = image_tree_add(t, &node, &number);
    if (err == 0 && VFS_IS_DIR(inode))
        t->nodes[number].parent = c->dir;
    if (err == 0)
        err = image_tree_link(t, c->dir, name, number);
    return err < 0 ? failed(c, err) : remember(c, inode, number);
}

/* A name means nothing any more, an inode of the base, or another one. */
static int add_name(void *arg, const char *text, uint32_t size, struct vfs_inode *inode)
{
    struct commit *c = arg;
    struct image_tree *t = &c->b->tree;
    const struct image_bytes name = {(const uint8_t *)text, size};
    uint32_t node = IMAGE_NONE;
    if (inode && (inode->mode & LX_S_IFMT) == LX_S_IFSOCK)
        inode = NULL; /* nobody listens there any more */
    if (inode && inode->image_index != VFS_NO_IMAGE)
        node = inode->image_index;
    else if (inode && !find_fresh(c, inode, &node))
        return add_fresh(c, inode, name);
    if (node == IMAGE_NONE && image_tree_find(t, c->dir, name) == IMAGE_NONE)
        return 0;
    if (inode && VFS_IS_DIR(inode))
        t->nodes[node].parent = c->dir;
    int err = image_tree_link(t, c->dir, name, node);
    return err < 0 ? failed(c, err) : 0;
}

/* ---- All ----------------------------------------------------------------- */

static int add_names(struct commit *c, struct vfs_inode *dir, uint32_t node)
{
    c->dir = node;
    return vfs_changes_in(dir, add_name, c);
}

static int add_changes(struct commit *c)
{
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < c->count; i++)
        err = apply_change(c, i);
    for (uint32_t i = 0; err == 0 && i < c->count; i++) {
        struct vfs_inode *inode;
        if (vfs_changes_of(i, &inode) == VFS_CHANGED_ATTRIBUTES && VFS_IS_DIR(inode))
            err = add_names(c, inode, i);
    }
    for (uint32_t i = 0; err == 0 && i < c->fresh_count; i++) { /* which grows meanwhile */
        if (VFS_IS_DIR(c->fresh[i].inode))
            err = add_names(c, c->fresh[i].inode, c->fresh[i].node);
    }
    if (err == 0)
        rename_remade(c);
    return err;
}

static int fill(struct image_build *b, void *arg)
{
    struct commit *c = arg;
    c->b = b;
    c->count = vfs_image_inode_count(&c->base->view);
    c->remade = calloc(c->count, sizeof *c->remade);
    c->buffer = malloc(READ_SIZE);
    if (!c->remade || !c->buffer)
        return failed(c, -LX_ENOMEM);
    int err = image_base_add(b, c->base);
    if (err == 0)
        err = add_changes(c);
    return err < 0 ? err : image_base_finish(b, c->base);
}

int image_commit(const struct image *base, const struct image_options *options, struct image *out,
                 struct core_diag *diag)
{
    struct commit *c = calloc(1, sizeof *c);
    *out = (struct image){0};
    if (!c)
        return core_diag_set(diag, -LX_ENOMEM, "no memory to keep the container");
    c->base = base;
    int err = image_build_run("the container", options, fill, c, out, diag);
    free(c->remade);
    free(c->buffer);
    free(c->fresh);
    free(c);
    return err;
}
