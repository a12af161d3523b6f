/* SPDX-License-Identifier: MIT */
/* tarbox ps, rm, diff and commit: containers that are kept. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/cmd.h"
#include "image/container.h"
#include "image/copy.h"
#include "image/diff.h"
#include "lx/errno.h"
#include "store.h"

#define NS_PER_S 1000000000ull
#define CHANGES_MAX 64

static const char ps_help[] =
    "Usage: tarbox ps [OPTION]...\n"
    "\n"
    "List the containers that 'tarbox run --name' keeps, running or not.\n"
    "\n"
    "Options:\n"
    "  -q, --quiet     Show names only\n"
    "  -a, --all       Show all of them (always so)\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

static const char rm_help[] =
    "Usage: tarbox rm [OPTION]... CONTAINER...\n"
    "\n"
    "Remove containers that are kept, with all that was changed in them.\n"
    "\n"
    "Options:\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

static const char diff_help[] =
    "Usage: tarbox diff [OPTION]... CONTAINER\n"
    "\n"
    "Show what was changed in a container since it was made from its image: A is added,\n"
    "C changed, D deleted.\n"
    "\n"
    "Options:\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

static const char commit_help[] =
    "Usage: tarbox commit [OPTION]... CONTAINER NAME[:TAG]\n"
    "\n"
    "Make an image of a container that is kept, as its last run has left it.\n"
    "\n"
    "Options:\n"
    "  -c, --change LINE  Change what the image runs, as in 'CMD [\"/bin/app\"]', 'ENV A=b'\n"
    "      --root DIR     Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help         Show this text\n"
    "\n"
    "Example:\n"
    "  tarbox run --name work debian:12 sh -c 'echo hello > /greeting'\n"
    "  tarbox commit work greeting:1\n"
    "  tarbox run greeting:1 cat /greeting\n";

enum { QUIET = CMD_OWN, ALL, CHANGE };

/* ---- ps ------------------------------------------------------------------ */

struct row {
    char *name;
    struct image_container container;
    int is_running;
};

struct ps {
    struct cmd_call call;
    int quiet;
    struct row *rows;
    size_t count;
};

static int apply_ps(void *arg, int id, const char *value)
{
    (void)value;
    ((struct ps *)arg)->quiet |= id == QUIET;
    return 0;
}

static int add_row(void *arg, const char *name, const struct image_container *c, int is_running)
{
    struct ps *p = arg;
    struct row *rows = realloc(p->rows, (p->count + 1) * sizeof *rows);
    char *copy = strdup(name);
    if (rows)
        p->rows = rows;
    if (!rows || !copy) {
        free(copy);
        return core_diag_set(&p->call.diag, -LX_ENOMEM, "no memory to list the containers");
    }
    rows[p->count++] = (struct row){copy, *c, is_running};
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static void print_row(const struct ps *p, const struct row *r)
{
    char created[32] = "";
    time_t when = (time_t)(r->container.created_ns / NS_PER_S);
    const struct tm *tm = localtime(&when);
    if (p->quiet) {
        puts(r->name);
        return;
    }
    if (tm)
        strftime(created, sizeof created, "%Y-%m-%d %H:%M", tm);
    printf("%-24s  %-32s  %-16s  %s\n", r->name, r->container.from_name, created,
           r->is_running ? "running" : "exited");
}

int cmd_ps(int argc, char **argv)
{
    static const struct cmd_option own[] = {{"quiet", 'q', 0, QUIET}, {"all", 'a', 0, ALL}};
    struct ps p = {.call = {.name = "ps", .help = ps_help, .own = own, .own_count = 2}};
    int code;
    if (cmd_begin(&p.call, argc, argv, 0, 0, apply_ps, &p, &code))
        return code;
    int err = image_container_each(p.call.store, add_row, &p, &p.call.diag);
    if (p.count)
        qsort(p.rows, p.count, sizeof *p.rows, by_name);
    if (err == 0 && !p.quiet)
        printf("%-24s  %-32s  %-16s  %s\n", "NAME", "IMAGE", "CREATED", "STATUS");
    for (size_t i = 0; i < p.count; i++) {
        if (err == 0)
            print_row(&p, &p.rows[i]);
        free(p.rows[i].name);
    }
    free(p.rows);
    return cmd_end(&p.call, err);
}

/* ---- rm ------------------------------------------------------------------ */

int cmd_rm(int argc, char **argv)
{
    struct cmd_call c = {.name = "rm", .help = rm_help};
    int code, err = 0;
    if (cmd_begin(&c, argc, argv, 1, -1, NULL, NULL, &code))
        return code;
    for (int i = 0; i < c.operand_count && err == 0; i++) {
        err = image_container_remove(c.store, c.operands[i], &c.diag);
        if (err == 0)
            puts(c.operands[i]);
    }
    return cmd_end(&c, err);
}

/* ---- diff ---------------------------------------------------------------- */

static int print_difference(void *arg, enum image_difference what, const char *path)
{
    (void)arg;
    printf("%c %s\n", (int)what, path);
    return 0;
}

int cmd_diff(int argc, char **argv)
{
    struct cmd_call c = {.name = "diff", .help = diff_help};
    struct image_container container;
    struct image before = {0}, after = {0};
    int code;
    if (cmd_begin(&c, argc, argv, 1, 1, NULL, NULL, &code))
        return code;
    int err = image_container_read(c.store, c.operands[0], &container, &c.diag);
    if (err == 0)
        err = image_store_get(c.store, container.from, &before, &c.diag);
    if (err == 0)
        err = image_store_get(c.store, container.image, &after, &c.diag);
    if (err == 0) {
        err = image_diff(&before, &after, print_difference, NULL);
        if (err < 0)
            core_diag_set(&c.diag, err, "cannot compare the images: %s", core_diag_strerror(err));
    }
    image_close(&before);
    image_close(&after);
    return cmd_end(&c, err);
}

/* ---- commit -------------------------------------------------------------- */

struct commit {
    struct cmd_call call;
    const char *changes[CHANGES_MAX];
    size_t change_count;
};

static int apply_commit(void *arg, int id, const char *value)
{
    struct commit *m = arg;
    (void)id;
    if (m->change_count == CHANGES_MAX)
        return cmd_usage("commit", "too many changes at '%s'", value);
    m->changes[m->change_count++] = value;
    return 0;
}

static int commit(struct commit *m)
{
    struct cmd_call *c = &m->call;
    struct image_container container;
    struct image image = {0}, made = {0};
    struct image_options options = {.store = c->store};
    char name[IMAGE_NAME_SIZE], id[IMAGE_ID_SIZE], step[128], *config = NULL;
    int err = image_name_normalize(c->operands[1], name, &c->diag);
    if (err == 0)
        err = image_container_read(c->store, c->operands[0], &container, &c->diag);
    if (err == 0)
        err = image_store_get(c->store, container.image, &image, &c->diag);
    if (err == 0) {
        err = image_map_packs(&image);
        if (err < 0)
            core_diag_set(&c->diag, err, "the container %s is damaged in the store",
                          c->operands[0]);
    }
    snprintf(step, sizeof step, "tarbox commit %s", c->operands[0]);
    if (err == 0)
        err = cmd_config_step(c, &image, m->changes, m->change_count, step, &config);
    image_limits_default(&options.limits);
    options.config = config;
    if (err == 0)
        err = image_copy_of(&image, &options, &made, &c->diag);
    if (err == 0)
        err = image_store_tag(c->store, made.id, name, &c->diag);
    if (err == 0) {
        image_id_format(made.id, id);
        puts(id);
    }
    free(config);
    image_close(&image);
    image_close(&made);
    return err;
}

int cmd_commit(int argc, char **argv)
{
    static const struct cmd_option own[] = {{"change", 'c', 1, CHANGE}};
    struct commit m = {.call = {.name = "commit", .help = commit_help, .own = own, .own_count = 1}};
    int code;
    if (cmd_begin(&m.call, argc, argv, 2, 2, apply_commit, &m, &code))
        return code;
    return cmd_end(&m.call, commit(&m));
}
