/* SPDX-License-Identifier: MIT */
/* Access control lists in words, and numbers for the names in them. */

#include "acl.h"

#include <stdlib.h>
#include <string.h>

#include "lx/acl.h"
#include "lx/errno.h"

#define TABLE_MAX (1u << 20)
#define FIELDS 4

struct entry {
    struct lx_posix_acl_xattr_entry e;
    struct image_bytes name; /* empty: none, or its number is known */
};

/* A name in the tree's names, and where its number is missing. */
struct image_acl_name {
    uint64_t name, at;
    uint32_t name_size, is_group;
};

/* ---- Words --------------------------------------------------------------- */

static int is(struct image_bytes text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static int is_any_of(uint8_t c, const char *set)
{
    return c && strchr(set, c);
}

/* Cut off what is before one of the characters of `set`; 0 if nothing is left. */
static int cut(struct image_bytes *rest, const char *set, struct image_bytes *out)
{
    size_t n = 0;
    if (!rest->data)
        return 0;
    while (n < rest->size && !is_any_of(rest->data[n], set))
        n++;
    *out = (struct image_bytes){rest->data, n};
    if (n == rest->size)
        *rest = (struct image_bytes){0};
    else
        *rest = (struct image_bytes){rest->data + n + 1, rest->size - n - 1};
    return 1;
}

/* Without a comment at its end, and blanks. */
static struct image_bytes trim(struct image_bytes text)
{
    const uint8_t *comment = text.size ? memchr(text.data, '#', text.size) : NULL;
    if (comment)
        text.size = (size_t)(comment - text.data);
    while (text.size && is_any_of(*text.data, " \t"))
        text = (struct image_bytes){text.data + 1, text.size - 1};
    while (text.size && is_any_of(text.data[text.size - 1], " \t"))
        text.size--;
    return text;
}

/* 1 if it is a number that an id can be. */
static int number(struct image_bytes text, uint32_t *out)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < text.size && text.data[i] >= '0' && text.data[i] <= '9' && value < UINT32_MAX; i++)
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    *out = (uint32_t)value;
    return text.size && i == text.size && value < UINT32_MAX;
}

static int permissions(struct image_bytes text, uint16_t *out)
{
    static const char letters[] = "xwr";
    *out = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *letter = text.data[i] ? strchr(letters, text.data[i]) : NULL;
        if (letter)
            *out |= (uint16_t)(1u << (letter - letters));
        else if (text.data[i] != '-')
            return 0;
    }
    return text.size != 0;
}

/* ---- Entries ------------------------------------------------------------- */

static const struct {
    const char *word, *letter;
    uint16_t unnamed, named;
} kinds[] = {
    {"user", "u", LX_ACL_USER_OBJ, LX_ACL_USER},
    {"group", "g", LX_ACL_GROUP_OBJ, LX_ACL_GROUP},
    {"mask", "m", LX_ACL_MASK, 0},
    {"other", "o", LX_ACL_OTHER, 0},
};

/* "user:NAME:rwx", perhaps with the number behind it; "mask::rwx", or "mask:rwx". */
static int read_entry(struct image_bytes text, struct entry *out)
{
    struct image_bytes fields[FIELDS] = {{0}};
    size_t count = 0, kind = 0;
    while (count < FIELDS && cut(&text, ":", &fields[count]))
        count++;
    while (kind < sizeof kinds / sizeof *kinds && !is(fields[0], kinds[kind].word) &&
           !is(fields[0], kinds[kind].letter))
        kind++;
    if (text.data || kind == sizeof kinds / sizeof *kinds)
        return -LX_EINVAL;
    if (count == 2 && !kinds[kind].named) {
        fields[2] = fields[1];
        fields[1].size = 0;
        count = 3;
    }
    *out =
        (struct entry){.e = {.e_tag = kinds[kind].unnamed, .e_id = (uint32_t)LX_ACL_UNDEFINED_ID}};
    if (count < 3 || !permissions(fields[2], &out->e.e_perm))
        return -LX_EINVAL;
    if (fields[1].size == 0)
        return 0;
    out->e.e_tag = kinds[kind].named;
    if (!number(fields[3], &out->e.e_id) && !number(fields[1], &out->e.e_id)) {
        out->e.e_id = 0;
        out->name = fields[1];
    }
    return out->e.e_tag ? 0 : -LX_EINVAL;
}

static void add_entry(struct image_acl *acl, const struct entry *e)
{
    if (e->name.size) {
        acl->names[acl->name_count].name = e->name;
        acl->names[acl->name_count].is_group = e->e.e_tag == LX_ACL_GROUP;
        acl->names[acl->name_count++].entry = (uint32_t)((acl->size - 4) / sizeof e->e);
    }
    memcpy(acl->value + acl->size, &e->e, sizeof e->e);
    acl->size += sizeof e->e;
}

int image_acl_read(struct image_bytes text, struct image_acl *out)
{
    const struct lx_posix_acl_xattr_header header = {LX_POSIX_ACL_XATTR_VERSION};
    struct entry entries[IMAGE_ACL_ENTRIES];
    struct image_bytes part;
    uint32_t count = 0;
    memcpy(out->value, &header, sizeof header);
    out->size = sizeof header;
    out->name_count = 0;
    while (cut(&text, ",\n", &part)) {
        part = trim(part);
        if (part.size == 0)
            continue;
        if (count == IMAGE_ACL_ENTRIES || read_entry(part, &entries[count++]) < 0)
            return -LX_EINVAL;
    }
    /* Linux wants them in this order. */
    for (uint32_t tag = LX_ACL_USER_OBJ; tag <= LX_ACL_OTHER; tag <<= 1) {
        for (uint32_t i = 0; i < count; i++) {
            if (entries[i].e.e_tag == tag)
                add_entry(out, &entries[i]);
        }
    }
    return 0;
}

/* ---- Names --------------------------------------------------------------- */

int image_acl_table_begin(struct image_acl_table *t, uint64_t size)
{
    free(t->data);
    *t = (struct image_acl_table){0};
    if (size == 0 || size > TABLE_MAX)
        return 0;
    t->data = calloc(1, (size_t)size);
    t->size = t->data ? (size_t)size : 0;
    return t->data ? 0 : -LX_ENOMEM;
}

void image_acl_names_fini(struct image_acl_names *n)
{
    free(n->users.data);
    free(n->groups.data);
    free(n->items);
    *n = (struct image_acl_names){0};
}

static struct image_acl_name *new_name(struct image_acl_names *n)
{
    if (n->count == n->capacity) {
        uint64_t capacity = n->capacity ? 2 * n->capacity : 16;
        struct image_acl_name *items = realloc(n->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        n->items = items;
        n->capacity = capacity;
    }
    return &n->items[n->count++];
}

int image_acl_names_add(struct image_acl_names *n, struct image_tree *t,
                        const struct image_acl *acl, uint64_t value)
{
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < acl->name_count; i++) {
        struct image_acl_name *name = new_name(n);
        if (!name)
            return -LX_ENOMEM;
        *name = (struct image_acl_name){.at = value + sizeof(struct lx_posix_acl_xattr_header) +
                                              acl->names[i].entry *
                                                  sizeof(struct lx_posix_acl_xattr_entry) +
                                              offsetof(struct lx_posix_acl_xattr_entry, e_id),
                                        .name_size = (uint32_t)acl->names[i].name.size,
                                        .is_group = acl->names[i].is_group};
        err = image_tree_keep(t, acl->names[i].name, &name->name);
    }
    return err;
}

/* ---- Numbers ------------------------------------------------------------- */

/* A line of a table: its first field and its third. */
struct line {
    struct image_bytes name;
    uint32_t id;
};

/* The lines of a table by name, so that no archive makes the search long. */
struct lines {
    struct line *items;
    size_t count;
};

static int compare_names(struct image_bytes a, struct image_bytes b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Of equal names the first line's comes first. */
static int compare_lines(const void *one, const void *other)
{
    const struct line *a = one, *b = other;
    int order = compare_names(a->name, b->name);
    return order ? order : (a->name.data > b->name.data) - (a->name.data < b->name.data);
}

static int read_lines(const struct image_acl_table *t, struct lines *out)
{
    struct image_bytes rest = {t->data, t->size}, line, password, id;
    size_t most = 0;
    *out = (struct lines){NULL, 0};
    while (cut(&rest, "\n", &line))
        most++;
    if (most == 0)
        return 0;
    out->items = malloc(most * sizeof *out->items);
    if (!out->items)
        return -LX_ENOMEM;
    rest = (struct image_bytes){t->data, t->size};
    while (cut(&rest, "\n", &line)) {
        struct line *next = &out->items[out->count];
        if (cut(&line, ":", &next->name) && cut(&line, ":", &password) && cut(&line, ":", &id) &&
            number(id, &next->id))
            out->count++;
    }
    qsort(out->items, out->count, sizeof *out->items, compare_lines);
    return 0;
}

/* 1 if there is a line of this name. */
static int find_id(const struct lines *lines, struct image_bytes name, uint32_t *id)
{
    size_t low = 0, high = lines->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(lines->items[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == lines->count || compare_names(lines->items[low].name, name) != 0)
        return 0;
    *id = lines->items[low].id;
    return 1;
}

int image_acl_names_find(const struct image_acl_names *n, struct image_tree *t,
                         struct image_bytes *missing, int *is_group)
{
    struct lines users = {NULL, 0}, groups = {NULL, 0};
    *missing = (struct image_bytes){0};
    *is_group = 0;
    int err = n->count ? read_lines(&n->users, &users) : 0;
    if (err == 0 && n->count)
        err = read_lines(&n->groups, &groups);
    for (uint64_t i = 0; err == 0 && i < n->count; i++) {
        const struct image_acl_name *item = &n->items[i];
        struct image_bytes name = {t->names + item->name, item->name_size};
        uint32_t id;
        if (find_id(item->is_group ? &groups : &users, name, &id)) {
            memcpy(t->xattrs + item->at, &id, sizeof id);
        } else {
            *missing = name;
            *is_group = (int)item->is_group;
            err = -LX_EINVAL;
        }
    }
    free(users.items);
    free(groups.items);
    return err;
}
