/* SPDX-License-Identifier: MIT */
/* tarbox export and save: images as archives. */

#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "image/export.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "store.h"

static const char export_help[] =
    "Usage: tarbox export [OPTION]... IMAGE\n"
    "\n"
    "Write the root file system of an image as a tar archive.\n"
    "\n"
    "Options:\n"
    "  -o, --output FILE  Write to a file and not to standard output\n"
    "      --root DIR     Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help         Show this text\n";

static const char save_help[] =
    "Usage: tarbox save [OPTION]... IMAGE\n"
    "\n"
    "Write an image as an archive that docker, podman and skopeo load.\n"
    "\n"
    "Options:\n"
    "  -o, --output FILE    Write to a file and not to standard output\n"
    "      --format FORMAT  docker-archive (default) or oci-archive\n"
    "      --root DIR       Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help           Show this text\n"
    "\n"
    "Example:\n"
    "  tarbox save web:1.0 | docker load\n";

enum { OUTPUT = CMD_OWN, FORMAT };

struct output {
    struct image_sink sink;
    const char *path; /* NULL: standard output */
    enum image_save_format format;
    struct plat_file *file;
    uint64_t size;
};

static int apply(void *arg, int id, const char *value)
{
    struct output *o = arg;
    if (id == OUTPUT) {
        o->path = value;
        return 0;
    }
    if (!strcmp(value, "docker-archive"))
        o->format = IMAGE_SAVE_DOCKER;
    else if (!strcmp(value, "oci-archive"))
        o->format = IMAGE_SAVE_OCI;
    else
        return cmd_usage("save", "'%s' is no format: give docker-archive or oci-archive", value);
    return 0;
}

static int write_output(struct image_sink *sink, const void *data, uint64_t size)
{
    struct output *o = (struct output *)sink;
    const uint8_t *from = data;
    while (size) {
        int64_t n = o->file ? plat_file_pwrite(o->file, from, size, o->size)
                            : plat_stream_write(1, from, size);
        if (n <= 0)
            return n < 0 ? (int)n : -LX_ENOSPC;
        o->size += (uint64_t)n;
        from += n;
        size -= (uint64_t)n;
    }
    return 0;
}

static int open_output(struct output *o, struct core_diag *diag)
{
    struct plat_stream_info info;
    o->sink.write = write_output;
    if (!o->path) {
        if (plat_stream_info(1, &info) == 0 && info.kind == PLAT_STREAM_CONSOLE)
            return core_diag_set(diag, -LX_EINVAL,
                                 "an archive is nothing for a terminal; give a file with -o");
        return 0;
    }
    int err =
        plat_file_open(o->path, PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_TRUNCATE, &o->file);
    return err < 0
               ? core_diag_set(diag, err, "cannot write %s: %s", o->path, core_diag_strerror(err))
               : 0;
}

/* The name to save under: what the user called the image, if that is one. */
static const char *name_of(struct cmd_call *c, const char *reference, char full[IMAGE_NAME_SIZE])
{
    struct core_diag unused;
    char id[IMAGE_ID_SIZE];
    struct vfs_image_key key, named;
    if (image_name_normalize(reference, full, &unused) < 0 ||
        image_store_find(c->store, full, &named, &unused) < 0 ||
        image_store_find(c->store, reference, &key, &unused) < 0)
        return NULL;
    image_id_format(key, id);
    return strncmp(id, reference, strlen(reference)) ? full : NULL;
}

static int write_image(struct cmd_call *c, struct output *o, int save)
{
    struct vfs_image_key id;
    struct image image;
    char name[IMAGE_NAME_SIZE];
    int err = image_store_find(c->store, c->operands[0], &id, &c->diag);
    if (err == 0)
        err = image_store_get(c->store, id, &image, &c->diag);
    if (err < 0)
        return err;
    err = image_map_packs(&image);
    if (err < 0)
        core_diag_set(&c->diag, err, "%s is damaged in the store; see 'tarbox verify'",
                      c->operands[0]);
    if (err == 0)
        err = open_output(o, &c->diag);
    if (err == 0)
        err = save ? image_save(&image, name_of(c, c->operands[0], name), o->format, &o->sink,
                                &c->diag)
                   : image_export(&image, &o->sink, &c->diag);
    if (o->file)
        plat_file_close(o->file);
    image_close(&image);
    return err;
}

int cmd_export(int argc, char **argv)
{
    static const struct cmd_option own[] = {{"output", 'o', 1, OUTPUT}};
    struct cmd_call c = {.name = "export", .help = export_help, .own = own, .own_count = 1};
    struct output o = {.path = NULL};
    int code;
    if (cmd_begin(&c, argc, argv, 1, 1, apply, &o, &code))
        return code;
    return cmd_end(&c, write_image(&c, &o, 0));
}

int cmd_save(int argc, char **argv)
{
    static const struct cmd_option own[] = {{"output", 'o', 1, OUTPUT}, {"format", 0, 1, FORMAT}};
    struct cmd_call c = {.name = "save", .help = save_help, .own = own, .own_count = 2};
    struct output o = {.format = IMAGE_SAVE_DOCKER};
    int code;
    if (cmd_begin(&c, argc, argv, 1, 1, apply, &o, &code))
        return code;
    return cmd_end(&c, write_image(&c, &o, 1));
}
