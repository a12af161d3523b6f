/* SPDX-License-Identifier: MIT */
/* The tree being built: tables that grow, a hash of names, and the walk of paths. */

#include "tree.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "lx/errno.h"
#include "lx/stat.h"
#include "plat/plat.h"

#define BUCKETS_FIRST 1024u
#define LINKS_MAX 40u /* as many symbolic links as Linux follows in one path */

/* Bytes of memory that count against the limit. */
static uint64_t metadata_size(const struct image_tree *t)
{
    return t->node_count * sizeof *t->nodes + t->entry_count * sizeof *t->entries +
           t->bucket_count * sizeof *t->buckets + t->names_size + t->xattrs_size;
}

static int limit_hit(struct image_tree *t, const char *limit)
{
    t->limit = limit;
    return -LX_EFBIG;
}

/* Make room for `extra` more elements after `count`. */
static int grow(struct image_tree *t, void **table, uint64_t count, uint64_t extra,
                uint64_t *capacity, size_t element)
{
    if (extra * element > t->limits.metadata ||
        metadata_size(t) > t->limits.metadata - extra * element)
        return limit_hit(t, "the memory for names and attributes");
    if (count + extra > UINT32_MAX - 1)
        return limit_hit(t, "the size of a table of the index");
    if (count + extra <= *capacity)
        return 0;
    uint64_t wanted = *capacity + *capacity / 2 + extra + 1024;
    void *larger = realloc(*table, wanted * element);
    if (!larger)
        return -LX_ENOMEM;
    *table = larger;
    *capacity = wanted;
    return 0;
}

int image_tree_init(struct image_tree *t, const struct image_limits *limits)
{
    *t = (struct image_tree){.limits = *limits, .bucket_count = BUCKETS_FIRST};
    plat_random(&t->seed, sizeof t->seed);
    t->buckets = malloc(BUCKETS_FIRST * sizeof *t->buckets);
    if (!t->buckets)
        return -LX_ENOMEM;
    memset(t->buckets, 0xff, BUCKETS_FIRST * sizeof *t->buckets);
    uint32_t root;
    return image_tree_add(t, &(struct image_node){.mode = LX_S_IFDIR | 0755}, &root);
}

void image_tree_fini(struct image_tree *t)
{
    free(t->nodes);
    free(t->entries);
    free(t->names);
    free(t->xattrs);
    free(t->buckets);
    *t = (struct image_tree){0};
}

int image_tree_add(struct image_tree *t, const struct image_node *node, uint32_t *out)
{
    *out = IMAGE_NONE;
    void *table = t->nodes;
    int err = grow(t, &table, t->node_count, 1, &t->node_capacity, sizeof *t->nodes);
    t->nodes = table;
    if (err < 0)
        return err;
    struct image_node *n = &t->nodes[t->node_count];
    *n = *node;
    n->parent = 0;
    n->touched = n->cleared = 0;
    n->pending = IMAGE_NONE;
    n->number = IMAGE_NONE;
    n->nlink = n->first = 0;
    if ((n->mode & LX_S_IFMT) == LX_S_IFDIR) {
        n->children = IMAGE_NONE;
        n->count = 0;
    }
    *out = t->node_count++;
    return 0;
}

int image_tree_keep(struct image_tree *t, struct image_bytes bytes, uint64_t *offset)
{
    *offset = 0;
    void *table = t->names;
    int err = grow(t, &table, t->names_size, bytes.size, &t->names_capacity, 1);
    t->names = table;
    if (err < 0)
        return err;
    if (bytes.size)
        memcpy(t->names + t->names_size, bytes.data, bytes.size);
    *offset = t->names_size;
    t->names_size += bytes.size;
    return 0;
}

int image_tree_add_xattr(struct image_tree *t, struct image_bytes name, struct image_bytes value,
                         int more, uint32_t *offset)
{
    struct vfs_image_xattr head = {.value_size = (uint32_t)value.size,
                                   .name_size = (uint16_t)name.size,
                                   .more = (uint16_t)more};
    size_t size = sizeof head + name.size + value.size, padded = (size + 7) & ~(size_t)7;
    *offset = 0;
    void *table = t->xattrs;
    int err = grow(t, &table, t->xattrs_size, padded, &t->xattrs_capacity, 1);
    t->xattrs = table;
    if (err < 0)
        return err;
    uint8_t *to = t->xattrs + t->xattrs_size;
    memcpy(to, &head, sizeof head);
    memcpy(to + sizeof head, name.data, name.size);
    if (value.size)
        memcpy(to + sizeof head + name.size, value.data, value.size);
    memset(to + size, 0, padded - size);
    *offset = (uint32_t)t->xattrs_size;
    t->xattrs_size += padded;
    return 0;
}

static uint64_t hash_name(const struct image_tree *t, uint32_t dir, struct image_bytes name)
{
    return XXH3_64bits_withSeed(name.data, name.size, t->seed + dir * 0x9e3779b97f4a7c15ull);
}

static struct image_bytes entry_name(const struct image_tree *t, const struct image_entry *e)
{
    return (struct image_bytes){t->names + e->name, e->name_size};
}

static struct image_entry *find_entry(const struct image_tree *t, uint32_t dir,
                                      struct image_bytes name)
{
    uint32_t i = t->buckets[hash_name(t, dir, name) & (t->bucket_count - 1)];
    for (; i != IMAGE_NONE; i = t->entries[i].bucket_next) {
        struct image_entry *e = &t->entries[i];
        if (e->dir == dir && e->name_size == name.size &&
            !memcmp(t->names + e->name, name.data, name.size))
            return e;
    }
    return NULL;
}

uint32_t image_tree_find(const struct image_tree *t, uint32_t dir, struct image_bytes name)
{
    if (name.size == 0)
        return dir;
    const struct image_entry *e = find_entry(t, dir, name);
    return e ? e->node : IMAGE_NONE;
}

static void hash_insert(struct image_tree *t, uint32_t entry)
{
    struct image_entry *e = &t->entries[entry];
    uint32_t *bucket = &t->buckets[hash_name(t, e->dir, entry_name(t, e)) & (t->bucket_count - 1)];
    e->bucket_next = *bucket;
    *bucket = entry;
}

static int hash_grow(struct image_tree *t)
{
    uint32_t count = t->bucket_count * 2;
    uint32_t *buckets = malloc(count * sizeof *buckets);
    if (!buckets)
        return -LX_ENOMEM;
    memset(buckets, 0xff, count * sizeof *buckets);
    free(t->buckets);
    t->buckets = buckets;
    t->bucket_count = count;
    for (uint32_t i = 0; i < t->entry_count; i++)
        hash_insert(t, i);
    return 0;
}

/* Note that the layer set the entry, for the directories above it. */
static void claim(struct image_tree *t, struct image_entry *e)
{
    e->layer = t->layer;
    for (uint32_t d = e->dir; t->nodes[d].touched != t->layer; d = t->nodes[d].parent)
        t->nodes[d].touched = t->layer;
}

int image_tree_link(struct image_tree *t, uint32_t dir, struct image_bytes name, uint32_t node)
{
    struct image_entry *known = find_entry(t, dir, name);
    if (known) {
        known->node = node;
        claim(t, known);
        return 0;
    }
    if (t->entry_count >= t->limits.entries)
        return limit_hit(t, "the number of entries");
    if (t->entry_count == t->bucket_count) {
        int err = hash_grow(t);
        if (err < 0)
            return err;
    }
    void *table = t->entries;
    int err = grow(t, &table, t->entry_count, 1, &t->entry_capacity, sizeof *t->entries);
    t->entries = table;
    uint64_t offset = 0;
    if (err == 0)
        err = image_tree_keep(t, name, &offset);
    if (err < 0)
        return err;
    t->entries[t->entry_count] = (struct image_entry){.dir = dir,
                                                      .node = node,
                                                      .name = (uint32_t)offset,
                                                      .name_size = (uint32_t)name.size,
                                                      .sibling = t->nodes[dir].children};
    claim(t, &t->entries[t->entry_count]);
    t->nodes[dir].children = t->entry_count;
    hash_insert(t, t->entry_count++);
    return 0;
}

static int is_directory(const struct image_tree *t, uint32_t node)
{
    return (t->nodes[node].mode & LX_S_IFMT) == LX_S_IFDIR;
}

/* What a directory gets that no member describes. */
static const struct image_node made = {.mode = LX_S_IFDIR | 0755};

static void set_attributes(struct image_node *n, const struct image_node *attributes)
{
    n->mode = attributes->mode;
    n->uid = attributes->uid;
    n->gid = attributes->gid;
    n->mtime_ns = attributes->mtime_ns;
    n->xattrs = attributes->xattrs;
}

int image_tree_directory(struct image_tree *t, uint32_t dir, struct image_bytes name,
                         const struct image_node *attributes, uint32_t *out)
{
    uint32_t node = image_tree_find(t, dir, name);
    if (node != IMAGE_NONE && is_directory(t, node)) {
        set_attributes(&t->nodes[node], attributes);
        if (name.size)
            claim(t, find_entry(t, dir, name));
        *out = node;
        return 0;
    }
    int err = image_tree_add(t, attributes, out);
    if (err < 0)
        return err;
    t->nodes[*out].parent = dir;
    return image_tree_link(t, dir, name, *out);
}

/* Hide an entry unless the layer needs it; a directory that stays goes on the list to be cleared. */
static void hide_entry(struct image_tree *t, struct image_entry *e, uint32_t *list)
{
    if (e->node == IMAGE_NONE)
        return;
    struct image_node *n = &t->nodes[e->node];
    int directory = is_directory(t, e->node), own = e->layer == t->layer;
    if (!own && !(directory && n->touched == t->layer)) {
        e->node = IMAGE_NONE;
        return;
    }
    if (!own) {
        set_attributes(n, &made);
        claim(t, e);
    }
    if (directory && n->cleared != t->layer) {
        n->cleared = t->layer;
        n->pending = *list;
        *list = e->node;
    }
}

static void clear(struct image_tree *t, uint32_t list)
{
    while (list != IMAGE_NONE) {
        uint32_t i = t->nodes[list].children;
        list = t->nodes[list].pending;
        for (; i != IMAGE_NONE; i = t->entries[i].sibling)
            hide_entry(t, &t->entries[i], &list);
    }
}

void image_tree_hide(struct image_tree *t, uint32_t dir, struct image_bytes name)
{
    struct image_entry *e = find_entry(t, dir, name);
    uint32_t list = IMAGE_NONE;
    if (e)
        hide_entry(t, e, &list);
    clear(t, list);
}

void image_tree_hide_children(struct image_tree *t, uint32_t dir)
{
    if (t->nodes[dir].cleared == t->layer)
        return;
    t->nodes[dir].cleared = t->layer;
    t->nodes[dir].pending = IMAGE_NONE;
    clear(t, dir);
}

struct image_bytes image_path_next(struct image_bytes *path)
{
    while (path->size && path->data[0] == '/') {
        path->data++;
        path->size--;
    }
    struct image_bytes c = {path->data, 0};
    while (c.size < path->size && c.data[c.size] != '/')
        c.size++;
    path->data += c.size;
    path->size -= c.size;
    return c;
}

int image_path_is_dot(struct image_bytes c)
{
    return c.size == 1 && c.data[0] == '.';
}

int image_path_is_dot_dot(struct image_bytes c)
{
    return c.size == 2 && c.data[0] == '.' && c.data[1] == '.';
}

/* With `stay`, ".." in the root leads to the root. */
static int clean(struct image_bytes path, int stay, uint8_t *buf, size_t *size)
{
    *size = 0;
    if (path.size && memchr(path.data, 0, path.size))
        return -LX_EINVAL;
    for (;;) {
        struct image_bytes c = image_path_next(&path);
        if (c.size == 0)
            return 0;
        if (image_path_is_dot(c))
            continue;
        if (image_path_is_dot_dot(c)) {
            if (*size == 0 && !stay)
                return -LX_EINVAL;
            while (*size && buf[*size - 1] != '/')
                --*size;
            if (*size)
                --*size; /* the slash */
            continue;
        }
        if (c.size > IMAGE_NAME_MAX || *size + 1 + c.size >= IMAGE_PATH_MAX)
            return -LX_ENAMETOOLONG;
        if (*size)
            buf[(*size)++] = '/';
        memcpy(buf + *size, c.data, c.size);
        *size += c.size;
    }
}

int image_path_clean(struct image_bytes path, uint8_t *buf, size_t *size)
{
    return clean(path, 0, buf, size);
}

int image_path_clean_absolute(struct image_bytes path, uint8_t *buf, size_t *size)
{
    return clean(path, 1, buf, size);
}

/* Put a link's target before the rest of the path, in `buf`, where the rest may be already. */
static int prepend(const struct image_tree *t, uint32_t link, struct image_bytes *rest,
                   uint8_t *buf)
{
    const struct image_node *n = &t->nodes[link];
    if (n->size + 1 + rest->size > IMAGE_PATH_MAX)
        return -LX_ENAMETOOLONG;
    memmove(buf + n->size + 1, rest->data, rest->size);
    memcpy(buf, t->names + n->data, n->size);
    buf[n->size] = '/';
    *rest = (struct image_bytes){buf, n->size + 1 + rest->size};
    return 0;
}

/* Walk to the directory `path` names, from `at`, making what is missing if `make` is set. */
static int walk(struct image_tree *t, uint32_t at, struct image_bytes path, int make, uint32_t *dir)
{
    uint8_t pending[IMAGE_PATH_MAX];
    uint32_t links = 0;
    for (;;) {
        struct image_bytes c = image_path_next(&path);
        if (c.size == 0)
            break;
        if (image_path_is_dot(c))
            continue;
        if (image_path_is_dot_dot(c)) {
            at = t->nodes[at].parent;
            continue;
        }
        if (c.size > IMAGE_NAME_MAX)
            return -LX_ENAMETOOLONG;
        uint32_t node = image_tree_find(t, at, c);
        if (node == IMAGE_NONE) {
            int err = make ? image_tree_directory(t, at, c, &made, &node) : -LX_ENOENT;
            if (err < 0)
                return err;
        }
        if ((t->nodes[node].mode & LX_S_IFMT) == LX_S_IFLNK) {
            if (++links > LINKS_MAX)
                return -LX_ELOOP;
            int err = prepend(t, node, &path, pending);
            if (err < 0)
                return err;
            if (path.data[0] == '/')
                at = 0;
        } else if (is_directory(t, node)) {
            at = node;
        } else {
            return -LX_ENOTDIR;
        }
    }
    *dir = at;
    return 0;
}

int image_tree_resolve(struct image_tree *t, struct image_bytes path, uint8_t *buf, uint32_t *dir,
                       struct image_bytes *name)
{
    size_t size;
    *dir = t->base;
    *name = (struct image_bytes){buf, 0};
    int err = image_path_clean(path, buf, &size);
    if (err < 0)
        return err;
    size_t start = size;
    while (start && buf[start - 1] != '/')
        start--;
    *name = (struct image_bytes){buf + start, size - start};
    return walk(t, t->base, (struct image_bytes){buf, start}, 1, dir);
}

int image_tree_find_directory(struct image_tree *t, struct image_bytes path, uint32_t *dir)
{
    *dir = 0;
    return walk(t, 0, path, 0, dir);
}
