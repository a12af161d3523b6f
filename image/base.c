/* SPDX-License-Identifier: MIT */
/* From an index back to a tree that can be added to. */

#include "base.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "lx/stat.h"
#include "storage.h"

static int damaged(struct image_build *b)
{
    return core_diag_set(b->diag, -LX_EIO,
                         "the image is damaged in the store; see 'tarbox verify'");
}

/* ---- The tree ------------------------------------------------------------ */

static int add_xattrs(struct image_build *b, const struct vfs_image *v,
                      const struct vfs_image_inode *inode, struct image_node *node)
{
    const struct vfs_image_xattr *head;
    const char *name;
    const void *value;
    for (uint32_t n = 0; (head = vfs_image_xattr(v, inode, n, &name, &value)); n++) {
        uint32_t offset;
        int err = image_tree_add_xattr(
            &b->tree, (struct image_bytes){(const uint8_t *)name, head->name_size},
            (struct image_bytes){value, head->value_size}, head->more, &offset);
        if (err < 0)
            return err;
        if (n == 0)
            node->xattrs = offset + 1;
    }
    return 0;
}

static int add_inode(struct image_build *b, const struct vfs_image *v, uint32_t number)
{
    const struct vfs_image_inode *inode = vfs_image_inode(v, number);
    if (!inode)
        return -LX_EIO;
    struct image_node node = {.mode = inode->mode,
                              .uid = inode->uid,
                              .gid = inode->gid,
                              .rdev = inode->rdev,
                              .mtime_ns = inode->mtime_ns};
    uint32_t type = inode->mode & LX_S_IFMT, added;
    int err = add_xattrs(b, v, inode, &node);
    if (err == 0 && type == LX_S_IFLNK) {
        const char *target = vfs_image_target(v, inode);
        if (!target)
            return -LX_EIO;
        struct image_bytes bytes = {(const uint8_t *)target, inode->size};
        err = image_build_target(b, bytes, &node);
    }
    if (type == LX_S_IFREG) {
        node.size = inode->size;
        node.key = inode->key;
    }
    if (err < 0)
        return err;
    if (number == 0)
        return image_tree_directory(&b->tree, 0, (struct image_bytes){0}, &node, &added);
    err = image_tree_add(&b->tree, &node, &added);
    if (err == 0 && added != number)
        err = -LX_EINVAL;
    if (err == 0 && type == LX_S_IFDIR)
        b->tree.nodes[number].parent = inode->parent;
    return err;
}

static int add_entries(struct image_build *b, const struct vfs_image *v, uint32_t number)
{
    const struct vfs_image_inode *dir = vfs_image_inode(v, number);
    if ((dir->mode & LX_S_IFMT) != LX_S_IFDIR)
        return 0;
    for (uint32_t n = 0; n < dir->count; n++) {
        const char *name;
        const struct vfs_image_entry *e = vfs_image_entry(v, dir, n, &name);
        if (!e || e->inode >= b->tree.node_count)
            return -LX_EIO;
        struct image_bytes bytes = {(const uint8_t *)name, e->name_size};
        int err = image_tree_link(&b->tree, number, bytes, e->inode);
        if (err < 0)
            return err;
    }
    return 0;
}

int image_base_add(struct image_build *b, const struct image *base)
{
    uint32_t count = vfs_image_inode_count(&base->view);
    int err = 0;
    for (int i = 0; i < VFS_IMAGE_SECTIONS; i++) {
        if (!image_section_is_sound(base, (enum vfs_image_section)i))
            return damaged(b);
    }
    for (uint32_t i = 0; err == 0 && i < count; i++)
        err = add_inode(b, &base->view, i);
    for (uint32_t i = 0; err == 0 && i < count; i++)
        err = add_entries(b, &base->view, i);
    if (err == -LX_EIO)
        return damaged(b);
    return err < 0 ? image_build_failed(b, err) : 0;
}

/* ---- Contents ------------------------------------------------------------ */

struct finish {
    struct image_build *b;
    const struct vfs_image *view;
    uint8_t *named;                        /* by inode: a file of the base that is still there */
    uint64_t sizes[VFS_IMAGE_PACKS_MAX];   /* by pack of the base: bytes of those files */
    uint32_t numbers[VFS_IMAGE_PACKS_MAX]; /* in the new image, or UINT32_MAX */
};

static int is_directory(const struct image_tree *t, uint32_t node)
{
    return (t->nodes[node].mode & LX_S_IFMT) == LX_S_IFDIR;
}

/* The directories that can be reached from the root: a byte for each node. */
static int find_reached(const struct image_tree *t, uint8_t **out)
{
    uint32_t *stack = malloc(t->node_count * sizeof *stack), depth = 0;
    uint8_t *reached = *out = calloc(t->node_count, 1);
    if (!stack || !reached) {
        free(stack);
        return -LX_ENOMEM;
    }
    reached[0] = 1;
    stack[depth++] = 0;
    while (depth) {
        uint32_t at = t->nodes[stack[--depth]].children;
        for (; at != IMAGE_NONE; at = t->entries[at].sibling) {
            uint32_t node = t->entries[at].node;
            if (node == IMAGE_NONE || reached[node] || !is_directory(t, node))
                continue;
            reached[node] = 1;
            stack[depth++] = node;
        }
    }
    free(stack);
    return 0;
}

/* Files of the base that have a name still; what was below a directory that is gone has none. */
static int find_named(struct finish *f, uint32_t count, const uint8_t *reached)
{
    const struct image_tree *t = &f->b->tree;
    for (uint32_t i = 0; i < t->entry_count; i++) {
        uint32_t node = t->entries[i].node;
        if (node >= count || f->named[node] || !reached[t->entries[i].dir])
            continue;
        const struct vfs_image_inode *inode = vfs_image_inode(f->view, node);
        if ((inode->mode & LX_S_IFMT) != LX_S_IFREG || inode->size == 0)
            continue;
        if (inode->pack >= f->view->pack_count)
            return -LX_EIO;
        f->named[node] = 1;
        f->sizes[inode->pack] += inode->size;
    }
    return 0;
}

/* Packs of which most is used come first: there may not be room for all. */
static void use_packs(struct finish *f)
{
    for (uint32_t i = 0; i < VFS_IMAGE_PACKS_MAX; i++)
        f->numbers[i] = UINT32_MAX;
    for (;;) {
        uint32_t most = 0;
        for (uint32_t i = 1; i < VFS_IMAGE_PACKS_MAX; i++) {
            if (f->sizes[i] > f->sizes[most])
                most = i;
        }
        if (f->sizes[most] == 0)
            return;
        f->sizes[most] = 0;
        f->numbers[most] = image_pack_use(f->b->pack, vfs_image_pack(f->view, most)->id);
    }
}

static int keep(struct finish *f, const struct vfs_image_inode *inode, struct image_node *node)
{
    const struct vfs_image_extent *extents;
    node->pack = f->numbers[inode->pack];
    node->data = inode->data;
    node->count = inode->count;
    if (!inode->count)
        return 0;
    extents = inode->data > UINT32_MAX
                  ? NULL
                  : vfs_image_section(f->view, VFS_IMAGE_EXTENTS, inode->data * sizeof *extents,
                                      (uint64_t)inode->count * sizeof *extents);
    return extents ? image_pack_keep_extents(f->b->pack, extents, inode->count, &node->data)
                   : -LX_EIO;
}

static int write_again(struct finish *f, const struct vfs_image_inode *inode,
                       struct image_node *node)
{
    int err = vfs_image_check(f->view, inode);
    if (err == 0)
        err = image_pack_begin(f->b->pack, inode->size);
    for (uint64_t at = 0, part; err == 0 && at < inode->size; at += part) {
        const void *bytes = vfs_image_content(f->view, inode, at, &part);
        err = bytes ? image_pack_append(f->b->pack, bytes, part) : -LX_EIO;
    }
    return err < 0 ? err : image_build_content(f->b, node);
}

int image_base_finish(struct image_build *b, const struct image *base)
{
    struct finish f = {.b = b, .view = &base->view};
    uint32_t count = vfs_image_inode_count(&base->view);
    f.named = calloc(count, 1);
    if (!f.named)
        return image_build_failed(b, -LX_ENOMEM);
    uint8_t *reached = NULL;
    int err = find_reached(&b->tree, &reached);
    if (err == 0)
        err = find_named(&f, count, reached);
    free(reached);
    if (err == 0)
        use_packs(&f);
    for (uint32_t i = 0; err == 0 && i < count; i++) {
        if (!f.named[i])
            continue;
        const struct vfs_image_inode *inode = vfs_image_inode(f.view, i);
        struct image_node *node = &b->tree.nodes[i];
        err = f.numbers[inode->pack] == UINT32_MAX ? write_again(&f, inode, node)
                                                   : keep(&f, inode, node);
    }
    free(f.named);
    if (err == -LX_EIO)
        return damaged(b);
    return err < 0 ? image_build_failed(b, err) : 0;
}
