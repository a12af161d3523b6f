/* SPDX-License-Identifier: MIT */
/* What the user calls an image: a name, a path of an archive, of a folder, of a program. */

#include "open.h"

#include <stdio.h>
#include <string.h>

#include "image/load.h"
#include "image/store.h"
#include "lx/errno.h"
#include "plat/plat.h"

#define HEAD_SIZE 4

struct opening {
    const struct runner_options *options;
    char *program;
    size_t program_size;
    struct image *out;
    struct core_diag *diag;
};

static int is_elf(struct plat_file *file)
{
    char head[HEAD_SIZE];
    return plat_file_pread(file, head, sizeof head, 0) == HEAD_SIZE &&
           memcmp(head, "\177ELF", HEAD_SIZE) == 0;
}

/* "./x", "/x", "C:\x": not to be taken for a name. */
static int is_path(const char *text)
{
    return strchr("./\\", text[0]) || (text[0] && text[1] == ':' && strchr("/\\", text[2])) ||
           strchr(text, '\\');
}

/* A single program: the guest path it is found at goes to `program`. */
static int open_program(struct opening *o)
{
    char absolute[4096];
    int err = plat_path_absolute(o->options->image, absolute, sizeof absolute);
    if (err == 0)
        err = plat_path_to_unix(absolute, o->program, o->program_size);
    if (err < 0)
        return core_diag_set(o->diag, err, "the path of %s is too long", o->options->image);
    return image_import_file(o->options->image, o->program, &o->options->import, o->out, o->diag);
}

static int open_archive(struct opening *o, struct plat_file *file, uint64_t size)
{
    struct core_source_file source;
    struct image_store *store;
    if (!o->options->ephemeral) {
        int err = image_store_open(o->options->root, 1, &store, o->diag);
        if (err == 0)
            err = image_store_import(store, o->options->image, file, 0, &o->options->import, o->out,
                                     o->diag);
        image_store_close(store);
        return err;
    }
    core_source_file_init(&source, file, size);
    return image_import_any(&source.base, o->options->image, &o->options->import, o->out, o->diag);
}

static int open_path(struct opening *o)
{
    const char *path = o->options->image;
    struct plat_file *file;
    struct plat_stat st;
    int err = plat_file_open(path, PLAT_FILE_READ, &file);
    if (err == -LX_EISDIR)
        return image_import_any(NULL, path, &o->options->import, o->out, o->diag);
    if (err == -LX_ENOENT && !is_path(path))
        return core_diag_set(o->diag, err, "there is no image and no file %s; see 'tarbox images'",
                             path);
    if (err < 0)
        return core_diag_set(o->diag, err, "cannot open the image %s: %s", path,
                             core_diag_strerror(err));
    err = plat_file_stat(file, &st);
    if (err < 0)
        core_diag_set(o->diag, err, "cannot read the image %s: %s", path, core_diag_strerror(err));
    else if (st.type == PLAT_FILE_DIRECTORY)
        err = image_import_any(NULL, path, &o->options->import, o->out, o->diag);
    else if (is_elf(file))
        err = open_program(o);
    else
        err = open_archive(o, file, st.size);
    plat_file_close(file);
    return err;
}

/* A name or the beginning of an id; -LX_ENOENT: the store has no such image. */
static int open_name(struct opening *o)
{
    struct image_store *store;
    struct vfs_image_key id;
    struct core_diag diag;
    int err = image_store_open(o->options->root, 0, &store, &diag);
    if (err == 0)
        err = image_store_find(store, o->options->image, &id, &diag);
    if (err == 0) {
        err = image_store_get(store, id, o->out, &diag);
        if (err == -LX_ENOENT) /* its names outlive an image that was found damaged */
            err = core_diag_set(&diag, -LX_EIO, "the image %s is damaged; import its archive again",
                                o->options->image);
    }
    image_store_close(store);
    if (err < 0 && err != -LX_ENOENT)
        *o->diag = diag;
    return err;
}

int open_image(const struct runner_options *options, char *program, size_t size, struct image *out,
               struct core_diag *diag)
{
    struct opening o = {
        .options = options, .program = program, .program_size = size, .out = out, .diag = diag};
    program[0] = 0;
    *out = (struct image){0};
    /* A name of the store comes before a path that looks the same. */
    int err = options->ephemeral || is_path(options->image) ? -LX_ENOENT : open_name(&o);
    return err == -LX_ENOENT ? open_path(&o) : err;
}

int runner_open_image(const struct runner_options *options, struct image *out,
                      struct core_diag *diag)
{
    char program[4096];
    return open_image(options, program, sizeof program, out, diag);
}

void report_damage(const struct runner_options *options, struct image *image, uint32_t inode)
{
    char path[4096], id[IMAGE_ID_SIZE];
    struct image_store *store;
    struct core_diag unused;
    struct plat_stat st;
    image_path(image, inode, path, sizeof path);
    image_id_format(image->id, id);
    struct vfs_image_key key = image->id;
    image_close(image);
    int again = 0;
    if (!options->ephemeral && plat_path_stat(options->image, &st) == 0 &&
        image_store_open(options->root, 0, &store, &unused) == 0) {
        again = image_store_discard(store, key, &unused) == 0;
        image_store_close(store);
    }
    fprintf(stderr, "tarbox: %s of the image %.12s is damaged in the store; %s\n", path, id,
            again ? "the next run imports the archive again"
                  : "'tarbox import' of its archive repairs it");
}
