/* SPDX-License-Identifier: MIT */
/* tarbox du: what the store takes, and what its images share. */

#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "image/usage.h"
#include "progress.h"
#include "store.h"

static const char help[] =
    "Usage: tarbox du [OPTION]...\n"
    "\n"
    "Show for each image how much it holds, and how much of that, and of its directories,\n"
    "another image has as well and is kept once.\n"
    "\n"
    "Options:\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

/* The first name of an image. */
struct find_name {
    struct vfs_image_key id;
    char *name;
};

static int take_name(void *arg, const char *name, struct vfs_image_key id)
{
    struct find_name *f = arg;
    if (id.low != f->id.low || id.high != f->id.high)
        return 0;
    snprintf(f->name, IMAGE_NAME_SIZE, "%s", name);
    return 1;
}

static double percent(uint64_t part, uint64_t all)
{
    return all ? 100.0 * (double)part / (double)all : 0;
}

static int print_image(struct cmd_call *c, const struct image_usage *u)
{
    char name[IMAGE_NAME_SIZE] = "<none>", id[IMAGE_ID_SIZE], size[32], own[32];
    struct find_name f = {u->id, name};
    int err = image_store_each_name(c->store, take_name, &f, &c->diag);
    image_id_format(u->id, id);
    cmd_size_format(u->size, size, sizeof size);
    cmd_size_format(u->size - u->shared_size, own, sizeof own);
    printf("%-32s  %.12s  %10s  %10s  %8.1f%%  %8.1f%%\n", name, id, size, own,
           percent(u->shared_size, u->size), percent(u->shared_directories, u->directory_count));
    return err < 0 ? err : 0;
}

int cmd_du(int argc, char **argv)
{
    struct cmd_call c = {.name = "du", .help = help};
    struct image_usages u;
    char size[32], disk[32], dead[32];
    int code;
    if (cmd_begin(&c, argc, argv, 0, 0, NULL, NULL, &code))
        return code;
    int err = image_store_usage(c.store, &u, &c.diag);
    if (err < 0)
        return cmd_end(&c, err);
    printf("%-32s  %-12s  %10s  %10s  %9s  %9s\n", "NAME", "ID", "SIZE", "ALONE", "SHARED",
           "FOLDERS");
    for (uint32_t i = 0; err == 0 && i < u.count; i++)
        err = print_image(&c, &u.items[i]);
    cmd_size_format(u.size, size, sizeof size);
    cmd_size_format(u.disk_size, disk, sizeof disk);
    cmd_size_format(u.dead_size, dead, sizeof dead);
    if (err == 0)
        printf("%u images hold %s and take %s on disk, of which no image needs %s.\n", u.count,
               size, disk, dead);
    image_usages_fini(&u);
    return cmd_end(&c, err);
}
