/* SPDX-License-Identifier: MIT */
/* tarbox prune and verify: the store is made small, and looked through. */

#include <stdio.h>

#include "cmd/cmd.h"
#include "progress.h"
#include "store.h"

static const char prune_help[] =
    "Usage: tarbox prune [OPTION]...\n"
    "\n"
    "Free what no image of the store needs.\n"
    "\n"
    "Options:\n"
    "      --dry-run   Only say what would be freed\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

static const char verify_help[] =
    "Usage: tarbox verify [OPTION]...\n"
    "\n"
    "Read everything in the store and compare it with its checksums.  What is damaged is\n"
    "named; importing the archive again replaces it.  The exit code is 1 then.\n"
    "\n"
    "Options:\n"
    "      --root DIR  Folder of the store (default: $TARBOX_ROOT or your application data)\n"
    "      --help      Show this text\n";

enum { DRY = CMD_OWN };

static int apply_prune(void *arg, int id, const char *value)
{
    (void)value;
    *(int *)arg = id == DRY;
    return 0;
}

int cmd_prune(int argc, char **argv)
{
    static const struct cmd_option own[] = {{"dry-run", 0, 0, DRY}};
    struct cmd_call c = {.name = "prune", .help = prune_help, .own = own, .own_count = 1};
    struct image_prune result;
    char size[32];
    int code, dry = 0;
    if (cmd_begin(&c, argc, argv, 0, 0, apply_prune, &dry, &code))
        return code;
    int err = image_store_prune(c.store, dry, &result, &c.diag);
    cmd_size_format(result.bytes, size, sizeof size);
    if (err == 0)
        printf("%s %s: %llu packs, %llu notes on archives\n", dry ? "would free" : "freed", size,
               (unsigned long long)result.packs, (unsigned long long)result.archives);
    return cmd_end(&c, err);
}

static void print_damage(void *arg, const char *sentence)
{
    (void)arg;
    puts(sentence);
}

int cmd_verify(int argc, char **argv)
{
    struct cmd_call c = {.name = "verify", .help = verify_help};
    struct image_verify result;
    char size[32];
    int code;
    if (cmd_begin(&c, argc, argv, 0, 0, NULL, NULL, &code))
        return code;
    int err = image_store_verify(c.store, print_damage, NULL, &result, &c.diag);
    cmd_size_format(result.bytes, size, sizeof size);
    if (err == 0)
        printf("%llu images, %llu contents, %s: %llu damaged\n", (unsigned long long)result.images,
               (unsigned long long)result.contents, size, (unsigned long long)result.damaged);
    code = cmd_end(&c, err);
    return code ? code : result.damaged != 0;
}
