/* SPDX-License-Identifier: MIT */
/* tarbox load: container images become images of the store. */

#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "image/load.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "progress.h"
#include "store.h"
#include "streams.h"

static const char help[] =
    "Usage: tarbox load [OPTION]... ARCHIVE|FOLDER|- [REFERENCE]...\n"
    "\n"
    "Load container images: an archive that 'docker save', podman or skopeo wrote, or an OCI\n"
    "image layout, packed or not; - reads it from standard input.  All images in it are\n"
    "loaded, or those that REFERENCEs name, and keep their names.\n"
    "\n"
    "Options:\n"
    "  -i, --input FILE    The same as ARCHIVE\n"
    "  -q, --quiet         Show no progress, and ids only\n"
    "      --max-size N    Most bytes an image may unpack to, as in 20G (default 256G)\n"
    "      --max-files N   Most files it may have (default 10000000)\n"
    "      --root DIR      Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help          Show this text\n"
    "\n"
    "Examples:\n"
    "  docker save debian:12 | tarbox load -\n"
    "  skopeo copy docker://alpine:3.20 oci-archive:alpine.tar && tarbox load alpine.tar\n";

enum { INPUT = CMD_OWN, QUIET, MAX_SIZE, MAX_FILES };

static const struct cmd_option own[] = {
    {"input", 'i', 1, INPUT},
    {"quiet", 'q', 0, QUIET},
    {"max-size", 0, 1, MAX_SIZE},
    {"max-files", 0, 1, MAX_FILES},
};

struct load {
    struct cmd_call call;
    struct image_options options;
    struct cmd_progress progress;
    const char *input;
    int quiet;
    struct image_loader *loader;
};

static int apply(void *arg, int id, const char *value)
{
    struct load *l = arg;
    switch (id) {
    case INPUT:
        l->input = value;
        return 0;
    case QUIET:
        l->quiet = l->progress.quiet = 1;
        return 0;
    case MAX_SIZE:
        return cmd_limit_size("load", value, &l->options.limits);
    default:
        return cmd_limit_files("load", value, &l->options.limits);
    }
}

/* Load image n, give it its names and print it. */
static int load_one(struct load *l, uint32_t n)
{
    struct image_store *store = l->call.store;
    struct core_diag *diag = &l->call.diag;
    char id[IMAGE_ID_SIZE], name[IMAGE_NAME_SIZE];
    struct image image;
    int err = image_loader_load(l->loader, n, &l->options, &image, diag);
    if (err < 0)
        return err;
    image_id_format(image.id, id);
    for (uint32_t k = 0; err == 0 && image_loader_name(l->loader, n, k, name); k++) {
        err = image_store_tag(store, image.id, name, diag);
        if (err == 0 && !l->quiet)
            printf("loaded: %s\n", name);
    }
    if (err == 0)
        puts(id);
    image_close(&image);
    return err;
}

static int load_chosen(struct load *l, char **references, int count)
{
    int err = 0;
    if (count == 0) {
        for (uint32_t n = 0; err == 0 && n < image_loader_count(l->loader); n++)
            err = load_one(l, n);
    }
    for (int i = 0; err == 0 && i < count; i++) {
        uint32_t n;
        err = image_loader_choose(l->loader, references[i], &n, &l->call.diag);
        if (err == 0)
            err = load_one(l, n);
    }
    return err;
}

/* Open what the images are in; *file is to be closed after the loader. */
static int open_input(struct load *l, struct core_source_file *source, struct plat_file **file)
{
    const char *name = l->input;
    struct core_diag *diag = &l->call.diag;
    const struct image_limits *limits = &l->options.limits;
    struct plat_stat st;
    *file = NULL;
    if (!strcmp(name, "-")) {
        source->base = cmd_input();
        return image_loader_open(&source->base, "standard input", limits, &l->loader, diag);
    }
    int err = plat_file_open(name, PLAT_FILE_READ, file);
    if (err == 0)
        err = plat_file_stat(*file, &st);
    if (err == -LX_EISDIR || (err == 0 && st.type == PLAT_FILE_DIRECTORY))
        return image_loader_open(NULL, name, limits, &l->loader, diag);
    if (err < 0)
        return core_diag_set(diag, err, "cannot open %s: %s", name, core_diag_strerror(err));
    core_source_file_init(source, *file, st.size);
    return image_loader_open(&source->base, name, limits, &l->loader, diag);
}

int cmd_load(int argc, char **argv)
{
    struct load l = {
        .call = {
            .name = "load", .help = help, .own = own, .own_count = sizeof own / sizeof own[0]}};
    struct core_source_file source;
    struct plat_file *file;
    int code, first = 0;
    image_limits_default(&l.options.limits);
    if (cmd_begin(&l.call, argc, argv, 0, -1, apply, &l, &code))
        return code;
    if (!l.input && l.call.operand_count)
        l.input = l.call.operands[first++];
    if (!l.input)
        l.input = "-";
    l.options.store = l.call.store;
    cmd_progress_init(&l.progress, l.input, &l.options);
    int err = open_input(&l, &source, &file);
    if (err == 0)
        err = load_chosen(&l, l.call.operands + first, l.call.operand_count - first);
    image_loader_close(l.loader);
    if (file)
        plat_file_close(file);
    return cmd_end(&l.call, err);
}
