/* SPDX-License-Identifier: MIT */
/*
 * Names of images: one small text file, a line each: the image's id, a space, the
 * name in full.  Sorted by name, so that it can be read by people and compared.
 */

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "storage.h"

#define ID_DIGITS (IMAGE_ID_SIZE - 1)
#define PREFIX_MIN 4u

/* ---- What a name may be -------------------------------------------------- */

static int is_small_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int is_tag_char(char c)
{
    return is_small_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

/* A part of a repository's path: begins and ends with a letter or digit. */
static int is_component(const char *text, size_t size, const char *between)
{
    if (size == 0 || !is_small_or_digit(text[0]) || !is_small_or_digit(text[size - 1]))
        return 0;
    for (size_t i = 0; i < size; i++) {
        if (!is_small_or_digit(text[i]) && !strchr(between, text[i]))
            return 0;
    }
    return 1;
}

/* Components between slashes; if there are several, the first may be a host with a port. */
static int is_repository(const char *name, size_t size)
{
    const char *slash = memchr(name, '/', size), *between = slash ? "._-:" : "._-";
    while (slash) {
        size_t part = (size_t)(slash - name);
        if (!is_component(name, part, between))
            return 0;
        name += part + 1;
        size -= part + 1;
        between = "._-";
        slash = memchr(name, '/', size);
    }
    return is_component(name, size, between);
}

static int is_tag(const char *tag, size_t size)
{
    if (size == 0 || size > 128 || tag[0] == '.' || tag[0] == '-')
        return 0;
    for (size_t i = 0; i < size; i++) {
        if (!is_tag_char(tag[i]))
            return 0;
    }
    return 1;
}

int image_name_normalize(const char *name, char *out, struct core_diag *diag)
{
    static const char *const dropped[] = {"docker.io/library/", "docker.io/"};
    const char *given = name, *tag = "latest";
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
        if (!strncmp(name, dropped[i], strlen(dropped[i])))
            name += strlen(dropped[i]);
    }
    const char *slash = strrchr(name, '/');
    const char *colon = strchr(slash ? slash : name, ':');
    size_t size = colon ? (size_t)(colon - name) : strlen(name);
    if (colon)
        tag = colon + 1;
    if (!is_repository(name, size) || !is_tag(tag, strlen(tag)) ||
        size + 1 + strlen(tag) >= IMAGE_NAME_SIZE)
        return core_diag_set(diag, -LX_EINVAL,
                             "'%s' cannot name an image: give small letters, digits and . _ - /, "
                             "then : and a tag if you like, as in 'debian:12'",
                             given);
    memcpy(out, name, size);
    out[size] = ':';
    strcpy(out + size + 1, tag);
    return 0;
}

/* ---- The file ------------------------------------------------------------ */

/* Take the next line off the text: its id and name; 0 at the end.  Others are passed over. */
static int next_name(char **text, struct vfs_image_key *id, const char **name)
{
    while (**text) {
        char *line = *text, *end = line + strcspn(line, "\n");
        *text = *end ? end + 1 : end;
        *end = 0;
        if (end - line <= (int)ID_DIGITS + 1 || line[ID_DIGITS] != ' ')
            continue;
        line[ID_DIGITS] = 0;
        *name = line + ID_DIGITS + 1;
        if (image_id_parse(line, id) == 0)
            return 1;
    }
    return 0;
}

/* The whole file; an empty text if there is none. */
static int read_names(struct image_store *s, char **text, struct core_diag *diag)
{
    char path[STORAGE_PATH];
    storage_path(s, "names", "", path);
    int64_t size = storage_read(path, text, diag);
    if (size >= 0)
        return 0;
    if (size != -LX_ENOENT)
        return (int)size;
    *text = calloc(1, 1);
    return *text ? 0 : core_diag_set(diag, -LX_ENOMEM, "no memory to read the names of images");
}

int image_store_each_name(struct image_store *s,
                          int (*each)(void *arg, const char *name, struct vfs_image_key id),
                          void *arg, struct core_diag *diag)
{
    struct vfs_image_key id;
    const char *name;
    char *text, *rest;
    int result = read_names(s, &text, diag);
    for (rest = text; result == 0 && next_name(&rest, &id, &name);)
        result = each(arg, name, id);
    free(text);
    return result;
}

struct edit {
    const char *set;                    /* a name to give .. */
    struct vfs_image_key id;            /* .. to this image; or NULL */
    const char *drop;                   /* a name to take away, or NULL */
    const struct vfs_image_key *forget; /* an image all whose names go, or NULL */
    uint32_t dropped;
    char *out;
    size_t size;
};

static void put_name(struct edit *e, struct vfs_image_key id, const char *name)
{
    char text[IMAGE_ID_SIZE];
    image_id_format(id, text);
    memcpy(e->out + e->size, text, ID_DIGITS);
    e->size += ID_DIGITS;
    e->out[e->size++] = ' ';
    memcpy(e->out + e->size, name, strlen(name));
    e->size += strlen(name);
    e->out[e->size++] = '\n';
}

static void edit_names(struct edit *e, char *text)
{
    struct vfs_image_key id;
    const char *name;
    while (next_name(&text, &id, &name)) {
        int order = e->set ? strcmp(name, e->set) : -1;
        if (order >= 0) {
            put_name(e, e->id, e->set);
            e->set = NULL;
        }
        if (order == 0)
            continue;
        if ((e->drop && !strcmp(name, e->drop)) ||
            (e->forget && vfs_image_same_key(id, *e->forget)))
            e->dropped++;
        else
            put_name(e, id, name);
    }
    if (e->set)
        put_name(e, e->id, e->set);
}

/* Apply an edit to the file; the store is locked meanwhile. */
static int change_names(struct image_store *s, struct edit *e, struct core_diag *diag)
{
    char path[STORAGE_PATH], *text = NULL;
    int err = storage_lock(s, NULL, NULL, diag);
    if (err < 0)
        return err;
    err = read_names(s, &text, diag);
    if (err == 0) {
        e->out = malloc(strlen(text) + IMAGE_NAME_SIZE + ID_DIGITS + 2);
        if (!e->out)
            err = core_diag_set(diag, -LX_ENOMEM, "no memory to change the names of images");
    }
    if (err == 0) {
        int adds = e->set != NULL;
        edit_names(e, text);
        storage_path(s, "names", "", path);
        if (adds || e->dropped)
            err = storage_replace(s, path, e->out, e->size, diag);
    }
    free(e->out);
    free(text);
    storage_unlock(s);
    return err;
}

int image_store_tag(struct image_store *s, struct vfs_image_key id, const char *name,
                    struct core_diag *diag)
{
    char full[IMAGE_NAME_SIZE];
    struct edit e = {.set = full, .id = id};
    int err = image_name_normalize(name, full, diag);
    return err < 0 ? err : change_names(s, &e, diag);
}

int image_store_untag(struct image_store *s, const char *name, struct core_diag *diag)
{
    char full[IMAGE_NAME_SIZE];
    struct edit e = {.drop = full};
    int err = image_name_normalize(name, full, diag);
    if (err == 0)
        err = change_names(s, &e, diag);
    if (err == 0 && !e.dropped)
        err =
            core_diag_set(diag, -LX_ENOENT, "no image has the name %s; see 'tarbox images'", full);
    return err;
}

int names_forget(struct image_store *s, struct vfs_image_key id, struct core_diag *diag)
{
    struct edit e = {.forget = &id};
    return change_names(s, &e, diag);
}

/* ---- Finding an image ---------------------------------------------------- */

struct search {
    const char *text; /* a full name, or the beginning of an id */
    struct vfs_image_key id;
    uint32_t found;
};

static int match_name(void *arg, const char *name, struct vfs_image_key id)
{
    struct search *x = arg;
    if (strcmp(name, x->text) != 0)
        return 0;
    x->id = id;
    return 1;
}

static int match_id(void *arg, struct vfs_image_key id)
{
    struct search *x = arg;
    char text[IMAGE_ID_SIZE];
    image_id_format(id, text);
    if (!strncmp(text, x->text, strlen(x->text))) {
        x->id = id;
        x->found++;
    }
    return 0;
}

static int is_id_prefix(const char *text)
{
    size_t size = strspn(text, "0123456789abcdef");
    return size >= PREFIX_MIN && size <= ID_DIGITS && !text[size];
}

int image_store_find(struct image_store *s, const char *reference, struct vfs_image_key *id,
                     struct core_diag *diag)
{
    char full[IMAGE_NAME_SIZE];
    struct search x = {.text = full};
    struct core_diag unused;
    int found = 0;
    if (image_name_normalize(reference, full, &unused) == 0)
        found = image_store_each_name(s, match_name, &x, diag);
    if (found < 0)
        return found;
    if (!found && is_id_prefix(reference)) {
        x.text = reference;
        int err = image_store_each(s, match_id, &x, diag);
        if (err < 0)
            return err;
        if (x.found > 1)
            return core_diag_set(diag, -LX_EEXIST,
                                 "%s begins the ids of %u images; give more digits", reference,
                                 x.found);
        found = (int)x.found;
    }
    *id = x.id;
    return found ? 0
                 : core_diag_set(diag, -LX_ENOENT, "there is no image %s; see 'tarbox images'",
                                 reference);
}
