/* SPDX-License-Identifier: MIT */
/* tarbox tag and rmi: names given to images and taken away. */

#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lx/errno.h"
#include "store.h"

static const char tag_help[] =
    "Usage: tarbox tag [OPTION]... IMAGE NAME[:TAG]\n"
    "\n"
    "Give an image a name; if another image has it, it loses it.\n"
    "\n"
    "Options:\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

static const char rmi_help[] =
    "Usage: tarbox rmi [OPTION]... IMAGE...\n"
    "\n"
    "Remove images.  Given a name, an image loses that name, and is removed if it was the\n"
    "last.  'tarbox prune' then frees what no other image shares.\n"
    "\n"
    "Options:\n"
    "  -f, --force     Remove an image given by id although it has several names\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

int cmd_tag(int argc, char **argv)
{
    struct cmd_call c = {.name = "tag", .help = tag_help};
    struct vfs_image_key id;
    int code;
    if (cmd_begin(&c, argc, argv, 2, 2, NULL, NULL, &code))
        return code;
    int err = image_store_find(c.store, c.operands[0], &id, &c.diag);
    if (err == 0)
        err = image_store_tag(c.store, id, c.operands[1], &c.diag);
    return cmd_end(&c, err);
}

enum { FORCE = CMD_OWN };

static int apply_rmi(void *arg, int id, const char *value)
{
    (void)value;
    *(int *)arg = id == FORCE;
    return 0;
}

/* How many names an image has, and whether `given` is one of them. */
struct names {
    struct vfs_image_key id;
    const char *given; /* in full, or "" */
    uint32_t count, is_given;
};

static int look_at_name(void *arg, const char *name, struct vfs_image_key id)
{
    struct names *n = arg;
    if (vfs_image_same_key(id, n->id)) {
        n->count++;
        n->is_given |= !strcmp(name, n->given);
    }
    return 0;
}

static int remove_one(struct cmd_call *c, const char *reference, int force)
{
    struct names n = {.count = 0};
    struct core_diag unused;
    char full[IMAGE_NAME_SIZE] = "", id[IMAGE_ID_SIZE];
    int err = image_store_find(c->store, reference, &n.id, &c->diag);
    if (err < 0)
        return err;
    if (image_name_normalize(reference, full, &unused) < 0)
        full[0] = 0;
    n.given = full;
    err = image_store_each_name(c->store, look_at_name, &n, &c->diag);
    if (err < 0)
        return err;
    if (n.is_given && n.count > 1) {
        err = image_store_untag(c->store, full, &c->diag);
        if (err == 0)
            printf("untagged: %s\n", full);
        return err;
    }
    if (n.count > 1 && !force)
        return core_diag_set(&c->diag, -LX_EBUSY,
                             "the image %s has %u names; remove them one by one, or all with -f",
                             reference, n.count);
    err = image_store_remove(c->store, n.id, &c->diag);
    image_id_format(n.id, id);
    if (err == 0)
        printf("removed: %s\n", id);
    return err;
}

int cmd_rmi(int argc, char **argv)
{
    static const struct cmd_option own[] = {{"force", 'f', 0, FORCE}};
    struct cmd_call c = {.name = "rmi", .help = rmi_help, .own = own, .own_count = 1};
    int code, force = 0, err = 0;
    if (cmd_begin(&c, argc, argv, 1, -1, apply_rmi, &force, &code))
        return code;
    for (int i = 0; i < c.operand_count && err == 0; i++)
        err = remove_one(&c, c.operands[i], force);
    return cmd_end(&c, err);
}
