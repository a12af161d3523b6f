/* SPDX-License-Identifier: MIT */
/* tarbox images: what is in the store. */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "image/container.h"
#include "lx/errno.h"
#include "progress.h"
#include "store.h"

static const char help[] =
    "Usage: tarbox images [OPTION]... [NAME]\n"
    "\n"
    "List the images of the store, or those with a name.\n"
    "\n"
    "Options:\n"
    "  -q, --quiet     Show ids only\n"
    "      --digests   Show ids in full\n"
    "      --json      Show everything, as JSON\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

enum { QUIET = CMD_OWN, DIGESTS, JSON };

static const struct cmd_option own[] = {
    {"quiet", 'q', 0, QUIET},
    {"digests", 0, 0, DIGESTS},
    {"json", 0, 0, JSON},
};

struct row {
    struct vfs_image_key id;
    struct vfs_image_header header;
    int readable, hidden;
    uint32_t names;
};

struct list {
    struct cmd_call call;
    int quiet, digests, json;
    struct row *rows;
    size_t count, capacity;

    /* While printing: */
    const struct row *row;
    const char *only; /* a name in full, or NULL */
    json_t *out, *names;
};

static int apply(void *arg, int id, const char *value)
{
    struct list *l = arg;
    (void)value;
    l->quiet |= id == QUIET;
    l->digests |= id == DIGESTS;
    l->json |= id == JSON;
    return 0;
}

static int add_image(void *arg, struct vfs_image_key id)
{
    struct list *l = arg;
    struct image image;
    struct core_diag unused;
    if (l->count == l->capacity) {
        size_t capacity = l->capacity * 2 + 16;
        struct row *rows = realloc(l->rows, capacity * sizeof *rows);
        if (!rows)
            return core_diag_set(&l->call.diag, -LX_ENOMEM, "no memory to list the images");
        l->rows = rows;
        l->capacity = capacity;
    }
    struct row *row = &l->rows[l->count++];
    *row = (struct row){.id = id};
    row->readable = image_store_get(l->call.store, id, &image, &unused) == 0;
    if (row->readable) {
        row->header = *vfs_image_header(&image.view);
        image_close(&image);
    }
    return 0;
}

/* What a container is shows as an image only if it has a name as one. */
static int hide(void *arg, const char *name, const struct image_container *c, int is_running)
{
    struct list *l = arg;
    (void)name;
    (void)is_running;
    for (size_t i = 0; i < l->count; i++)
        l->rows[i].hidden |=
            vfs_image_same_key(l->rows[i].id, c->image) && !vfs_image_same_key(c->image, c->from);
    return 0;
}

static int count_name(void *arg, const char *name, struct vfs_image_key id)
{
    struct list *l = arg;
    if (l->only && strcmp(name, l->only) != 0)
        return 0;
    for (size_t i = 0; i < l->count; i++)
        l->rows[i].names += vfs_image_same_key(l->rows[i].id, id);
    return 0;
}

static void print_row(const struct list *l, const char *name)
{
    char id[IMAGE_ID_SIZE], size[32];
    image_id_format(l->row->id, id);
    if (!l->digests)
        id[12] = 0;
    cmd_size_format(l->row->header.file_size, size, sizeof size);
    if (l->quiet)
        puts(id);
    else
        printf("%-32s  %s  %10s  %10llu\n", name, id, l->row->readable ? size : "damaged",
               (unsigned long long)l->row->header.file_count);
}

static int print_name(void *arg, const char *name, struct vfs_image_key id)
{
    struct list *l = arg;
    if (!vfs_image_same_key(id, l->row->id) || (l->only && strcmp(name, l->only) != 0))
        return 0;
    if (!l->json)
        print_row(l, name);
    else if (json_array_append_new(l->names, json_string(name)) < 0)
        return -LX_ENOMEM;
    return l->quiet && !l->json; /* an id once */
}

static int add_json(struct list *l)
{
    char id[IMAGE_ID_SIZE];
    const struct vfs_image_header *h = &l->row->header;
    image_id_format(l->row->id, id);
    json_t *image =
        json_pack("{s:s, s:o, s:b, s:I, s:I, s:I}", "Id", id, "Names", l->names, "Readable",
                  l->row->readable, "Size", (json_int_t)h->file_size, "Files",
                  (json_int_t)h->file_count, "Directories", (json_int_t)h->directory_count);
    return json_array_append_new(l->out, image);
}

static int print_image(struct list *l)
{
    struct core_diag *diag = &l->call.diag;
    if ((l->only || l->row->hidden) && !l->row->names)
        return 0;
    l->names = l->json ? json_array() : NULL;
    int err = image_store_each_name(l->call.store, print_name, l, diag);
    if (err >= 0 && l->json)
        return add_json(l) < 0 ? core_diag_set(diag, -LX_ENOMEM, "no memory to list the images")
                               : 0;
    if (err >= 0 && !l->row->names)
        print_row(l, "<none>");
    return err < 0 ? err : 0;
}

static int print_all(struct list *l)
{
    int err = 0;
    l->out = l->json ? json_array() : NULL;
    if (!l->quiet && !l->json)
        printf("%-32s  %-*s  %10s  %10s\n", "NAME", l->digests ? IMAGE_ID_SIZE - 1 : 12, "ID",
               "SIZE", "FILES");
    for (size_t i = 0; i < l->count && err == 0; i++) {
        l->row = &l->rows[i];
        err = print_image(l);
    }
    if (err == 0 && l->json) {
        json_dumpf(l->out, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        putchar('\n');
    }
    json_decref(l->out);
    return err;
}

int cmd_images(int argc, char **argv)
{
    struct list l = {.call = {.name = "images", .help = help, .own = own, .own_count = 3}};
    struct core_diag *diag = &l.call.diag;
    char name[IMAGE_NAME_SIZE];
    int code, err = 0;
    if (cmd_begin(&l.call, argc, argv, 0, 1, apply, &l, &code))
        return code;
    if (l.call.operand_count) {
        err = image_name_normalize(l.call.operands[0], name, diag);
        l.only = name;
    }
    if (err == 0)
        err = image_store_each(l.call.store, add_image, &l, diag);
    if (err == 0)
        err = image_store_each_name(l.call.store, count_name, &l, diag);
    if (err == 0)
        err = image_container_each(l.call.store, hide, &l, diag);
    if (err == 0)
        err = print_all(&l);
    free(l.rows);
    return cmd_end(&l.call, err);
}
