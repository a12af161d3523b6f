/* SPDX-License-Identifier: MIT */
/* tarbox export and save: images as archives. */

#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "image/export.h"
#include "lx/errno.h"
#include "store.h"
#include "streams.h"

static const char export_help[] =
    "Usage: tarbox export [OPTION]... IMAGE|CONTAINER\n"
    "\n"
    "Write the root file system of an image, or of a container that is kept, as a tar archive.\n"
    "\n"
    "Options:\n"
    "  -o, --output FILE  Write to a file and not to standard output\n"
    "      --root DIR     Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help         Show this text\n";

static const char save_help[] =
    "Usage: tarbox save [OPTION]... IMAGE|CONTAINER\n"
    "\n"
    "Write an image, or a container that is kept, as an archive that docker, podman and skopeo\n"
    "load.\n"
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

struct arguments {
    const char *path; /* NULL: standard output */
    enum image_save_format format;
};

static int apply(void *arg, int id, const char *value)
{
    struct arguments *a = arg;
    if (id == OUTPUT) {
        a->path = value;
        return 0;
    }
    if (!strcmp(value, "docker-archive"))
        a->format = IMAGE_SAVE_DOCKER;
    else if (!strcmp(value, "oci-archive"))
        a->format = IMAGE_SAVE_OCI;
    else
        return cmd_usage("save", "'%s' is no format: give docker-archive or oci-archive", value);
    return 0;
}

static int write_image(struct cmd_call *c, const struct arguments *a, int save)
{
    struct vfs_image_key id;
    struct image image;
    struct cmd_output output = {.file = NULL};
    char name[IMAGE_NAME_SIZE];
    struct image_container container;
    int err = cmd_find_container(c, c->operands[0], &container);
    if (err > 0) {
        id = container.image;
        err = 0;
    } else if (err == 0) {
        err = image_store_find(c->store, c->operands[0], &id, &c->diag);
    }
    if (err == 0)
        err = image_store_get(c->store, id, &image, &c->diag);
    if (err < 0)
        return err;
    err = image_map_packs(&image);
    if (err < 0)
        core_diag_set(&c->diag, err, "%s is damaged in the store; see 'tarbox verify'",
                      c->operands[0]);
    if (err == 0)
        err = cmd_output_open(&output, a->path, &c->diag);
    if (err == 0)
        err = save ? image_save(&image, cmd_name_of(c, c->operands[0], name), a->format,
                                &output.sink, &c->diag)
                   : image_export(&image, &output.sink, &c->diag);
    cmd_output_close(&output);
    image_close(&image);
    return err;
}

int cmd_export(int argc, char **argv)
{
    static const struct cmd_option own[] = {{"output", 'o', 1, OUTPUT}};
    struct cmd_call c = {.name = "export", .help = export_help, .own = own, .own_count = 1};
    struct arguments a = {.path = NULL};
    int code;
    if (cmd_begin(&c, argc, argv, 1, 1, apply, &a, &code))
        return code;
    return cmd_end(&c, write_image(&c, &a, 0));
}

int cmd_save(int argc, char **argv)
{
    static const struct cmd_option own[] = {{"output", 'o', 1, OUTPUT}, {"format", 0, 1, FORMAT}};
    struct cmd_call c = {.name = "save", .help = save_help, .own = own, .own_count = 2};
    struct arguments a = {.format = IMAGE_SAVE_DOCKER};
    int code;
    if (cmd_begin(&c, argc, argv, 1, 1, apply, &a, &code))
        return code;
    return cmd_end(&c, write_image(&c, &a, 1));
}
