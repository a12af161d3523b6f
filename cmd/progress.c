/* SPDX-License-Identifier: MIT */
/* Progress on a terminal, and the limits of what an archive may hold. */

#include "progress.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/size.h"
#include "options.h"
#include "plat/plat.h"

#define SHOW_EVERY_NS 100000000ull
#define NS_PER_S 1e9
#define ERASE_LINE "\r\033[K"

void cmd_size_format(uint64_t size, char *text, size_t text_size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)size;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    snprintf(text, text_size, unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value,
             units[unit]);
}

int cmd_limit_size(const char *command, const char *value, struct image_limits *limits)
{
    limits->file_size = UINT64_MAX; /* the total limits each */
    if (core_size_parse(value, &limits->total_size) == 0)
        return 0;
    return cmd_usage(command, "'%s' is no size: give a number, with K, M, G or T behind it", value);
}

int cmd_limit_files(const char *command, const char *value, struct image_limits *limits)
{
    if (core_size_parse(value, &limits->entries) == 0)
        return 0;
    return cmd_usage(command, "'%s' is no number of files", value);
}

static void show(void *arg, const struct image_progress *now)
{
    struct cmd_progress *p = arg;
    char done[32], total[32], rate[32], shared[32];
    uint64_t time = plat_clock_now(PLAT_CLOCK_MONOTONIC);
    if (time - p->shown_ns < SHOW_EVERY_NS)
        return;
    p->shown_ns = time;
    double seconds = (double)(time - p->started_ns) / NS_PER_S;
    cmd_size_format(now->done, done, sizeof done);
    cmd_size_format(now->total, total, sizeof total);
    cmd_size_format((uint64_t)((double)now->done / seconds), rate, sizeof rate);
    cmd_size_format(now->shared_size, shared, sizeof shared);
    fprintf(stderr, ERASE_LINE "importing %s: %s%s%s, %llu files, %s/s; %s in the store already",
            p->name, done, now->total ? " of " : "", now->total ? total : "",
            (unsigned long long)now->files, rate, shared);
}

static void wait_for_another(void *arg)
{
    (void)arg;
    fputs("waiting for another tarbox that is writing to the store\n", stderr);
}

/* What the import did, in a line that stays. */
static void show_result(void *arg, const struct image_stats *stats)
{
    const struct cmd_progress *p = arg;
    char size[32], stored[32], shared[32];
    cmd_size_format(stats->file_size, size, sizeof size);
    cmd_size_format(stats->stored_size, stored, sizeof stored);
    cmd_size_format(stats->shared_size, shared, sizeof shared);
    fprintf(stderr, ERASE_LINE "imported %s: %llu files, %s; %s written, %s shared; %.2f s\n",
            p->name, (unsigned long long)stats->file_count, size, stored, shared,
            (double)(plat_clock_now(PLAT_CLOCK_MONOTONIC) - p->started_ns) / NS_PER_S);
}

void cmd_progress_init(struct cmd_progress *p, const char *name, struct image_options *options)
{
    struct plat_stream_info info;
    p->name = name;
    p->started_ns = plat_clock_now(PLAT_CLOCK_MONOTONIC);
    if (!p->quiet && (plat_stream_info(2, &info) < 0 || info.kind != PLAT_STREAM_CONSOLE))
        p->quiet = 1;
    if (p->quiet)
        return;
    options->progress = show;
    options->done = show_result;
    options->waiting = wait_for_another;
    options->arg = p;
}
