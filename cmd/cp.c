/* SPDX-License-Identifier: MIT */
/* tarbox cp: files and folders out of an image or a container, and into one. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "image/copy.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "progress.h"
#include "reference.h"
#include "runner/run.h"
#include "store.h"
#include "streams.h"

#define PROBLEMS_SHOWN 20u

static const char help[] =
    "Usage: tarbox cp [OPTION]... IMAGE:PATH DEST|-\n"
    "       tarbox cp [OPTION]... SOURCE|- IMAGE:PATH\n"
    "\n"
    "Copy files and folders out of an image, or into it, as docker cp does.  IMAGE is a container\n"
    "that is kept, or whatever 'tarbox run' takes.  An image never changes: what is copied in\n"
    "makes a new image, which takes over the name, and whose id is printed.\n"
    "\n"
    "A folder that is copied to one that is there goes into it; FOLDER/. copies what is in\n"
    "FOLDER.  A copy to something that is not there makes it; the folder it is in must be\n"
    "there.  With - for DEST a tar archive goes to standard output; with - for SOURCE one is\n"
    "read from standard input and unpacked in the directory PATH.\n"
    "\n"
    "Write a path of this computer that has a colon in it as ./a:b, so that it is not taken\n"
    "for an image's; C:\\a and C:/a are understood.\n"
    "\n"
    "Options:\n"
    "  -a, --archive      Keep owners (default: yours here, root's in an image)\n"
    "  -L, --follow-link  If SOURCE is a symbolic link, copy what it leads to\n"
    "  -t, --tag NAME     What the new image is called; needed if IMAGE is no name\n"
    "  -q, --quiet        Show no progress\n"
    "      --root DIR     Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help         Show this text\n"
    "\n"
    "Exit code: 125 also if only a part could be copied; each thing left out is named.\n"
    "\n"
    "Examples:\n"
    "  tarbox cp debian:12:/etc/os-release .\n"
    "  tarbox cp web:1.0:/var/www/. C:\\site\n"
    "  tarbox cp hello debian:12:/usr/local/bin/\n"
    "  tarbox cp --tag web:1.1 site/. web:1.0:/var/www\n"
    "  tarbox cp web:1.0:/etc - | tar -t\n"
    "  tarbox cp work:/results .\n";

enum { ARCHIVE = CMD_OWN, FOLLOW, TAG, QUIET };

struct cp {
    struct cmd_call call;
    struct image_copy copy;
    struct image_options options;
    struct cmd_progress progress;
    const char *tag;
    int is_in;        /* the image is the second operand */
    int is_container; /* `image` names a container, which is `container` */
    struct image_container container;
    char *image; /* IMAGE and PATH of it */
    const char *path;
    const char *other; /* the other operand */
};

static int apply(void *arg, int id, const char *value)
{
    struct cp *p = arg;
    switch (id) {
    case ARCHIVE:
        p->copy.keep_owner = 1;
        break;
    case FOLLOW:
        p->copy.follow_link = 1;
        break;
    case TAG:
        p->tag = value;
        break;
    default:
        p->progress.quiet = 1;
    }
    return 0;
}

/* A size as cmd_reference_size() has it, of an explicit path whose IMAGE is there. */
static size_t existing_size(const char *argument)
{
    struct plat_stat st;
    size_t size = cmd_reference_size(argument, 1);
    char *image = size ? malloc(size + 1) : NULL;
    if (!image)
        return 0;
    memcpy(image, argument, size);
    image[size] = 0;
    if (plat_path_stat(image, &st) < 0)
        size = 0;
    free(image);
    return size;
}

/*
 * Which operand is the image's?  Only where by docker's rule neither is, one like
 * ./rootfs.tar:/etc counts, if there is such an archive.
 */
static int read_operands(struct cp *p)
{
    char **operands = p->call.operands;
    size_t sizes[2] = {cmd_reference_size(operands[0], 0), cmd_reference_size(operands[1], 0)};
    if (!sizes[0] && !sizes[1]) {
        sizes[0] = existing_size(operands[0]);
        sizes[1] = existing_size(operands[1]);
    }
    if (sizes[0] && sizes[1])
        return core_diag_set(&p->call.diag, -LX_EINVAL,
                             "%s and %s are both in images; copy to a folder first, or write "
                             "./ before a path of this computer",
                             operands[0], operands[1]);
    if (!sizes[0] && !sizes[1])
        return core_diag_set(&p->call.diag, -LX_EINVAL,
                             "neither %s nor %s is in an image; give one of them as IMAGE:PATH",
                             operands[0], operands[1]);
    p->is_in = sizes[1] != 0;
    size_t size = sizes[p->is_in];
    p->path = operands[p->is_in] + size + 1;
    p->other = operands[!p->is_in];
    if (!*p->path)
        return core_diag_set(&p->call.diag, -LX_EINVAL, "%s: say which path of the image",
                             operands[p->is_in]);
    p->image = malloc(size + 1);
    if (!p->image)
        return core_diag_set(&p->call.diag, -LX_ENOMEM, "no memory to copy");
    memcpy(p->image, operands[p->is_in], size);
    p->image[size] = 0;
    return 0;
}

static int open_image(struct cp *p, struct image *image)
{
    struct runner_options options = {
        .image = p->image, .root = image_store_root(p->call.store), .import = p->options};
    int err = cmd_find_container(&p->call, p->image, &p->container);
    if (err < 0)
        return err;
    p->is_container = err;
    err = p->is_container ? image_store_get(p->call.store, p->container.image, image, &p->call.diag)
                          : runner_open_image(&options, image, &p->call.diag);
    if (err < 0)
        return err;
    err = image_map_packs(image);
    if (err < 0) {
        core_diag_set(&p->call.diag, err, "%s is damaged in the store; see 'tarbox verify'",
                      p->image);
        image_close(image);
    }
    return err;
}

/* ---- Out ----------------------------------------------------------------- */

static void show_problem(void *arg, const char *sentence)
{
    struct cp *p = arg;
    if (p->copy.failed <= PROBLEMS_SHOWN)
        fprintf(stderr, "tarbox cp: %s\n", sentence);
}

static void show_count(uint64_t count, const char *what)
{
    if (count)
        fprintf(stderr, "tarbox cp: %llu %s\n", (unsigned long long)count, what);
}

/* What was left out; 0, or -LX_EIO after a sentence. */
static int conclude(struct cp *p)
{
    struct image_copy *c = &p->copy;
    show_count(c->skipped, "devices, fifos or sockets were left out, as always");
    show_count(c->attributes_missing,
               "could not keep their owner, mode or time; owners take an administrator");
    if (c->links_missing && !c->files)
        return core_diag_set(&p->call.diag, -LX_EPERM,
                             "you may not make symbolic links here; turn on the developer mode of "
                             "Windows, or copy what it leads to with -L");
    show_count(c->links_missing,
               "symbolic links were left out: you may not make them here; turn on the "
               "developer mode of Windows for that");
    if (c->failed)
        return core_diag_set(&p->call.diag, -LX_EIO,
                             "what is named above was left out, %llu in all; the rest is copied",
                             (unsigned long long)c->failed);
    return 0;
}

static int copy_out(struct cp *p)
{
    struct image image;
    struct cmd_output output;
    char size[32];
    int err = open_image(p, &image);
    if (err < 0)
        return err;
    if (!strcmp(p->other, "-")) {
        err = cmd_output_open(&output, NULL, &p->call.diag);
        if (err == 0)
            err = image_copy_out_tar(&image, p->path, &p->copy, &output.sink, &p->call.diag);
        cmd_output_close(&output);
    } else {
        p->copy.problem = show_problem;
        p->copy.arg = p;
        err = image_copy_out(&image, p->path, p->other, &p->copy, &p->call.diag);
        if (err == 0)
            err = conclude(p);
        cmd_size_format(p->copy.bytes, size, sizeof size);
        if (err == 0 && !p->progress.quiet)
            fprintf(stderr, "copied %llu files, %s, to %s\n", (unsigned long long)p->copy.files,
                    size, p->other);
    }
    image_close(&image);
    return err;
}

/* ---- In ------------------------------------------------------------------ */

/* The configuration of the new image: the old one's, with one step more. */
static int make_config(struct cp *p, const struct image *base, char **out)
{
    char **operands = p->call.operands;
    size_t size = strlen(operands[0]) + strlen(operands[1]) + 16;
    char *step = malloc(size);
    *out = NULL;
    if (!step)
        return core_diag_set(&p->call.diag, -LX_ENOMEM, "no memory to copy");
    snprintf(step, size, "tarbox cp %s %s", operands[0], operands[1]);
    int err = cmd_config_step(&p->call, base, NULL, 0, step, out);
    free(step);
    return err;
}

/* Nobody runs a container while it is changed. */
static int hold_container(struct cp *p, struct plat_file **hold)
{
    *hold = NULL;
    if (p->tag)
        return 0;
    int err = cmd_find_container(&p->call, p->image, &p->container);
    return err > 0 ? image_container_hold(p->call.store, p->image, hold, &p->call.diag) : err;
}

/* What is made becomes the container's, or gets the name. */
static int give_away(struct cp *p, struct vfs_image_key id, const char *name)
{
    if (!p->is_container || p->tag)
        return image_store_tag(p->call.store, id, name, &p->call.diag);
    p->container.image = id;
    return image_container_write(p->call.store, p->image, &p->container, &p->call.diag);
}

/* The name that the new image gets. */
static int choose_name(struct cp *p, char name[IMAGE_NAME_SIZE])
{
    if (p->is_container && !p->tag) {
        snprintf(name, IMAGE_NAME_SIZE, "%s", p->image);
        return 0;
    }
    if (p->tag)
        return image_name_normalize(p->tag, name, &p->call.diag);
    if (cmd_name_of(&p->call, p->image, name))
        return 0;
    return core_diag_set(&p->call.diag, -LX_EINVAL,
                         "%s is not the name of an image; say with --tag what the new one is "
                         "called",
                         p->image);
}

static int copy_in(struct cp *p)
{
    struct core_source input = cmd_input();
    struct image base, image;
    char name[IMAGE_NAME_SIZE], id[IMAGE_ID_SIZE], size[32], *config;
    int is_archive = !strcmp(p->other, "-");
    struct plat_file *hold = NULL;
    p->options.store = p->call.store;
    int err = hold_container(p, &hold);
    if (err == 0)
        err = open_image(p, &base);
    if (err < 0)
        goto out;
    err = choose_name(p, name);
    if (err < 0) {
        image_close(&base);
        goto out;
    }
    struct image_options options = {
        .limits = p->options.limits, .store = p->call.store, .waiting = p->options.waiting};
    err = make_config(p, &base, &config);
    options.config = config;
    if (err == 0)
        err = image_copy_in(&base, is_archive ? "standard input" : p->other,
                            is_archive ? &input : NULL, p->path, &options, &p->copy, &image,
                            &p->call.diag);
    free(config);
    image_close(&base);
    if (err < 0)
        goto out;
    err = give_away(p, image.id, name);
    if (err == 0)
        err = conclude(p);
    if (err == 0) {
        image_id_format(image.id, id);
        cmd_size_format(image.stats.file_size, size, sizeof size);
        puts(id);
        if (!p->progress.quiet)
            fprintf(stderr, "copied %s to %s\n", size, name);
    }
    image_close(&image);
out:
    if (hold)
        plat_file_close(hold);
    return err;
}

int cmd_cp(int argc, char **argv)
{
    static const struct cmd_option own[] = {{"archive", 'a', 0, ARCHIVE},
                                            {"follow-link", 'L', 0, FOLLOW},
                                            {"tag", 't', 1, TAG},
                                            {"quiet", 'q', 0, QUIET}};
    struct cp p = {.call = {.name = "cp", .help = help, .own = own, .own_count = 4}};
    int code;
    image_limits_default(&p.options.limits);
    if (cmd_begin(&p.call, argc, argv, 2, 2, apply, &p, &code))
        return code;
    int err = read_operands(&p);
    if (err == 0) {
        cmd_progress_init(&p.progress, p.image, &p.options);
        err = p.is_in ? copy_in(&p) : copy_out(&p);
    }
    free(p.image);
    return cmd_end(&p.call, err);
}
