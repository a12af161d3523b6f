/* SPDX-License-Identifier: MIT */
/* tarbox inspect and history: what is known of an image, as JSON and as a table. */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "image/config.h"
#include "lx/errno.h"
#include "runner/programs.h"
#include "store.h"

static const char inspect_help[] =
    "Usage: tarbox inspect [OPTION]... IMAGE...\n"
    "\n"
    "Show what is known of images, as JSON: names, configuration, sizes, packs, and of the\n"
    "programs and libraries that have run so far how many system calls and thread-local\n"
    "accesses were found in them, and how many could not be patched.\n"
    "\n"
    "Options:\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

static const char history_help[] =
    "Usage: tarbox history [OPTION]... IMAGE\n"
    "\n"
    "Show the steps that made an image, the last one first.\n"
    "\n"
    "Options:\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

struct names {
    struct vfs_image_key id;
    json_t *out;
};

static int add_name(void *arg, const char *name, struct vfs_image_key id)
{
    struct names *n = arg;
    if (id.low != n->id.low || id.high != n->id.high)
        return 0;
    return json_array_append_new(n->out, json_string(name)) < 0 ? -LX_ENOMEM : 0;
}

static json_t *key_json(struct vfs_image_key key)
{
    char text[IMAGE_ID_SIZE];
    image_id_format(key, text);
    return json_string(text);
}

static json_t *packs_json(const struct image *image)
{
    json_t *packs = json_array();
    const struct vfs_image_pack *pack;
    for (uint32_t i = 0; (pack = vfs_image_pack(&image->view, i)); i++)
        json_array_append_new(packs, json_pack("{s:o, s:I}", "Id", key_json(pack->id), "Size",
                                               (json_int_t)pack->size));
    return packs;
}

/* One program or library that has run, and how much of it is patched. */
static void add_program(void *arg, const struct runner_program *p)
{
    json_t *programs = arg;
    json_array_append_new(programs, json_pack("{s:s, s:{s:i, s:i}, s:{s:i, s:i}, s:b}", "Path",
                                              p->path, "SystemCalls", "Found", (int)p->system_calls,
                                              "Unpatched", (int)p->system_calls_unpatched,
                                              "ThreadLocal", "Found", (int)p->thread_local,
                                              "Unpatched", (int)p->thread_local_unpatched,
                                              "MemoryImage", p->has_memory_image));
}

static json_t *programs_json(const struct image *image)
{
    json_t *programs = json_array();
    runner_each_program(image, add_program, programs);
    return programs;
}

/* The image as one object, or NULL without memory. */
static json_t *image_json(const struct image *image, json_t *names)
{
    const struct vfs_image_header *h = vfs_image_header(&image->view);
    uint64_t size;
    const char *text = image_config_text(image, &size);
    json_t *config = json_loadb(text, size, 0, NULL);
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "Id",
                     key_json(image->id), "Names", names, "Tree", key_json(h->tree), "Size",
                     (json_int_t)h->file_size, "Files", (json_int_t)h->file_count, "Directories",
                     (json_int_t)h->directory_count, "IndexSize", (json_int_t)h->index_size,
                     "Packs", packs_json(image), "Programs", programs_json(image), "Image",
                     config ? config : json_null());
}

static int open_operand(struct cmd_call *c, const char *reference, struct image *out)
{
    struct vfs_image_key id;
    int err = image_store_find(c->store, reference, &id, &c->diag);
    return err < 0 ? err : image_store_get(c->store, id, out, &c->diag);
}

static int inspect_one(struct cmd_call *c, const char *reference, json_t *out)
{
    struct image image;
    int err = open_operand(c, reference, &image);
    if (err < 0)
        return err;
    struct names names = {.id = image.id, .out = json_array()};
    err = image_store_each_name(c->store, add_name, &names, &c->diag);
    if (err == 0 && json_array_append_new(out, image_json(&image, names.out)) < 0)
        err = -LX_ENOMEM;
    if (err == -LX_ENOMEM)
        core_diag_set(&c->diag, err, "no memory to show %s", reference);
    image_close(&image);
    return err;
}

int cmd_inspect(int argc, char **argv)
{
    struct cmd_call c = {.name = "inspect", .help = inspect_help};
    int code, err = 0;
    if (cmd_begin(&c, argc, argv, 1, -1, NULL, NULL, &code))
        return code;
    json_t *out = json_array();
    for (int i = 0; err == 0 && i < c.operand_count; i++)
        err = inspect_one(&c, c.operands[i], out);
    if (err == 0) {
        json_dumpf(out, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(out);
    return cmd_end(&c, err);
}

static void print_history(const struct image_config *config)
{
    printf("%-20s  %s\n", "CREATED", "STEP");
    for (uint32_t i = config->history_count; i-- > 0;) {
        const struct image_history *h = &config->history[i];
        const char *text = h->created_by ? h->created_by : h->comment ? h->comment : "";
        printf("%-20.19s  %s%s\n", h->created ? h->created : "", text,
               h->empty_layer ? "  (no files)" : "");
    }
}

int cmd_history(int argc, char **argv)
{
    struct cmd_call c = {.name = "history", .help = history_help};
    struct image image;
    struct image_config config;
    uint64_t size;
    int code;
    if (cmd_begin(&c, argc, argv, 1, 1, NULL, NULL, &code))
        return code;
    int err = open_operand(&c, c.operands[0], &image);
    if (err == 0) {
        const char *text = image_config_text(&image, &size);
        err = image_config_read(text, size, c.operands[0], &config, &c.diag);
        if (err == 0)
            print_history(&config);
        image_config_fini(&config);
        image_close(&image);
    }
    return cmd_end(&c, err);
}
