/* SPDX-License-Identifier: MIT */
/* tarbox import: an archive or folder becomes an image of the store. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "image/config.h"
#include "image/load.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "progress.h"
#include "runner/run.h"
#include "store.h"
#include "streams.h"

static const char help[] =
    "Usage: tarbox import [OPTION]... ARCHIVE|FOLDER|- [NAME[:TAG]]\n"
    "\n"
    "Import a root file system into the store and print the image's id.  ARCHIVE is a tar\n"
    "file, plain or packed with gzip, zstd, xz or bzip2; - reads it from standard input.\n"
    "\n"
    "Options:\n"
    "  -c, --change INSTR  Change its configuration: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL,\n"
    "                      STOPSIGNAL, USER, VOLUME or WORKDIR, as in a Dockerfile\n"
    "  -q, --quiet         Show no progress\n"
    "      --max-size N    Most bytes it may unpack to, as in 20G (default 256G)\n"
    "      --max-files N   Most members it may have (default 10000000)\n"
    "      --root DIR      Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help          Show this text\n"
    "\n"
    "Examples:\n"
    "  tarbox import rootfs.tar.gz debian:12\n"
    "  tarbox import -c 'CMD [\"/bin/bash\"]' -c 'ENV LANG=C.UTF-8' rootfs.tar.gz debian:12\n"
    "  docker export web | tarbox import - web\n";

enum { CHANGE = CMD_OWN, QUIET, MAX_SIZE, MAX_FILES };

static const struct cmd_option own[] = {
    {"change", 'c', 1, CHANGE},
    {"quiet", 'q', 0, QUIET},
    {"max-size", 0, 1, MAX_SIZE},
    {"max-files", 0, 1, MAX_FILES},
};

struct import {
    struct image_options options;
    struct cmd_progress progress;
    struct image_config config;
};

static int apply(void *arg, int id, const char *value)
{
    struct import *m = arg;
    struct core_diag diag;
    switch (id) {
    case CHANGE:
        return image_config_change(&m->config, value, &diag) == 0
                   ? 0
                   : cmd_usage("import", "%s", diag.text);
    case QUIET:
        m->progress.quiet = 1;
        return 0;
    case MAX_SIZE:
        return cmd_limit_size("import", value, &m->options.limits);
    default:
        return cmd_limit_files("import", value, &m->options.limits);
    }
}

static int is_container_image(struct plat_file *file, uint64_t size, const char *path)
{
    struct core_source_file source;
    core_source_file_init(&source, file, size);
    return image_loader_recognizes(&source.base, path);
}

static int import(struct import *m, struct cmd_call *c, const char *path, struct image *image)
{
    struct core_source input = cmd_input();
    struct plat_file *file;
    struct plat_stat st;
    if (!strcmp(path, "-"))
        return image_import_archive(&input, "standard input", &m->options, image, &c->diag);
    int err = plat_file_open(path, PLAT_FILE_READ, &file);
    if (err == -LX_EISDIR)
        return image_import_folder(path, &m->options, image, &c->diag);
    if (err < 0)
        return core_diag_set(&c->diag, err, "cannot open %s: %s", path, core_diag_strerror(err));
    err = plat_file_stat(file, &st);
    if (err < 0)
        core_diag_set(&c->diag, err, "cannot read %s: %s", path, core_diag_strerror(err));
    else if (st.type == PLAT_FILE_DIRECTORY)
        err = image_import_folder(path, &m->options, image, &c->diag);
    else if (is_container_image(file, st.size, path))
        err = core_diag_set(&c->diag, -LX_EINVAL, "%s is a container image; use 'tarbox load %s'",
                            path, path);
    else
        err = image_store_import(c->store, path, file, 1, &m->options, image, &c->diag);
    plat_file_close(file);
    return err;
}

int cmd_import(int argc, char **argv)
{
    struct cmd_call c = {
        .name = "import", .help = help, .own = own, .own_count = sizeof own / sizeof own[0]};
    struct import m = {0};
    struct image image;
    char id[IMAGE_ID_SIZE], name[IMAGE_NAME_SIZE], *config = NULL;
    size_t config_size;
    int code;
    image_limits_default(&m.options.limits);
    if (cmd_begin(&c, argc, argv, 1, 2, apply, &m, &code)) {
        image_config_fini(&m.config);
        return code;
    }
    m.options.store = c.store;
    cmd_progress_init(&m.progress, c.operands[0], &m.options);
    int err = c.operand_count == 2 ? image_name_normalize(c.operands[1], name, &c.diag) : 0;
    if (err == 0) {
        err = image_config_write(&m.config, &config, &config_size);
        if (err < 0)
            core_diag_set(&c.diag, err, "no memory for the configuration");
    }
    m.options.config = config;
    if (err == 0)
        err = import(&m, &c, c.operands[0], &image);
    if (err == 0) {
        image_id_format(image.id, id);
        if (c.operand_count == 2)
            err = image_store_tag(c.store, image.id, name, &c.diag);
        if (err == 0)
            puts(id);
        image_close(&image);
    }
    free(config);
    image_config_fini(&m.config);
    return cmd_end(&c, err);
}
