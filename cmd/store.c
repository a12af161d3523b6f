/* SPDX-License-Identifier: MIT */
/* The beginning and the end of every command on images. */

#include "store.h"

#include <stdio.h>
#include <string.h>

#include "image/config.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "runner/run.h"

enum { ROOT, HELP };

/* The common options, then the command's own. */
static size_t join_options(const struct cmd_call *c, struct cmd_option *out, size_t most)
{
    static const struct cmd_option common[] = {{"root", 0, 1, ROOT}, {"help", 'h', 0, HELP}};
    size_t count = 0;
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        out[count++] = common[i];
    for (size_t i = 0; i < c->own_count && count < most; i++)
        out[count++] = c->own[i];
    return count;
}

/* Options and operands in any order, up to a "--": operands move to the front of argv. */
static int next_option(struct cmd_options *o, int *operands, int *ended, const char **value)
{
    for (;;) {
        int before = o->index;
        int option = *ended ? CMD_OPTIONS_END : cmd_options_next(o, value);
        if (option != CMD_OPTIONS_END)
            return option;
        *ended |= o->index != before; /* over a "--" */
        if (o->index == o->argc)
            return CMD_OPTIONS_END;
        o->argv[(*operands)++] = o->argv[o->index++];
    }
}

int cmd_begin(struct cmd_call *c, int argc, char **argv, int least, int most,
              int (*apply)(void *arg, int id, const char *value), void *arg, int *code)
{
    struct cmd_option known[16];
    struct cmd_options o = {.command = c->name, .known = known, .argc = argc, .argv = argv};
    const char *value, *root = NULL;
    int option;
    o.count = join_options(c, known, sizeof known / sizeof known[0]);
    o.index = 1;
    *code = RUNNER_EXIT_FAILED;
    int operands = 1, ended = 0;
    while ((option = next_option(&o, &operands, &ended, &value)) >= 0) {
        if (option == HELP) {
            fputs(c->help, stdout);
            *code = 0;
            return 1;
        }
        if (option == ROOT)
            root = value;
        else if ((*code = apply(arg, option, value)))
            return 1;
    }
    *code = RUNNER_EXIT_FAILED;
    if (option == CMD_OPTIONS_BAD)
        return 1;
    c->operands = argv + 1;
    c->operand_count = operands - 1;
    if (c->operand_count < least) {
        cmd_usage(c->name, "something is missing");
        return 1;
    }
    if (most >= 0 && c->operand_count > most) {
        cmd_usage(c->name, "'%s' is too much", c->operands[most]);
        return 1;
    }
    if (image_store_open(root, 1, &c->store, &c->diag) < 0) {
        *code = cmd_end(c, -1);
        return 1;
    }
    return 0;
}

int cmd_end(struct cmd_call *c, int err)
{
    image_store_close(c->store);
    if (err >= 0)
        return 0;
    fprintf(stderr, "tarbox %s: %s\n", c->name, c->diag.text);
    return RUNNER_EXIT_FAILED;
}

int cmd_find_container(struct cmd_call *c, const char *name, struct image_container *out)
{
    struct core_diag why;
    int err = image_container_read(c->store, name, out, &why);
    if (err == -LX_ENOENT || err == -LX_EINVAL) /* not there, or no name of a container */
        return 0;
    if (err < 0) {
        c->diag = why;
        return err;
    }
    return 1;
}

const char *cmd_name_of(struct cmd_call *c, const char *reference, char full[IMAGE_NAME_SIZE])
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

int cmd_config_step(struct cmd_call *c, const struct image *image, const char *const *changes,
                    size_t count, const char *step, char **out)
{
    struct image_config config;
    uint64_t size;
    size_t written;
    const char *text = image_config_text(image, &size);
    *out = NULL;
    int err = image_config_read(text, size, "the image's configuration", &config, &c->diag);
    if (err < 0)
        return err;
    for (size_t i = 0; err == 0 && i < count; i++)
        err = image_config_change(&config, changes[i], &c->diag);
    if (err == 0) {
        err = image_config_add_step(&config, step, plat_clock_now(PLAT_CLOCK_REALTIME));
        if (err == 0)
            err = image_config_write(&config, out, &written);
        if (err < 0)
            core_diag_set(&c->diag, err, "no memory for the configuration");
    }
    image_config_fini(&config);
    return err;
}
