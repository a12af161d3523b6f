/* SPDX-License-Identifier: MIT */
/* One more step of an image's history. */

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/config.h"
#include "list.h"
#include "lx/errno.h"

#define NS_PER_S 1000000000u
#define DAY_S 86400u
#define DAYS_400_YEARS 146097u

/* RFC 3339, as docker writes it.  Days are counted from the 1st of March of the year 0. */
static char *format_time(uint64_t ns)
{
    char text[64];
    uint64_t s = ns / NS_PER_S, days = s / DAY_S + 719468, of_day = s % DAY_S;
    uint64_t era = days / DAYS_400_YEARS, day = days % DAYS_400_YEARS;
    uint64_t year = (day - day / 1460 + day / 36524 - day / (DAYS_400_YEARS - 1)) / 365;
    day -= 365 * year + year / 4 - year / 100;
    uint64_t month = (5 * day + 2) / 153; /* 0 is March */
    day -= (153 * month + 2) / 5;
    year += 400 * era + (month >= 10);
    month = month < 10 ? month + 3 : month - 9;
    int size =
        snprintf(text, sizeof text,
                 "%04" PRIu64 "-%02" PRIu64 "-%02" PRIu64 "T%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64
                 ".%09" PRIu64 "Z",
                 year, month, day + 1, of_day / 3600, of_day / 60 % 60, of_day % 60, ns % NS_PER_S);
    return image_list_copy(text, (size_t)size);
}

/* A command line may have any bytes, a configuration not. */
static char *copy_text(const char *text)
{
    char *copy = image_list_copy(text, strlen(text));
    json_t *string = json_string(text);
    for (char *c = copy; !string && c && *c; c++)
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    json_decref(string);
    return copy;
}

int image_config_add_step(struct image_config *config, const char *created_by, uint64_t now_ns)
{
    struct image_history *history =
        realloc(config->history, (config->history_count + 1) * sizeof *history);
    if (!history)
        return -LX_ENOMEM;
    config->history = history;
    struct image_history *step = &history[config->history_count++];
    *step =
        (struct image_history){.created = format_time(now_ns), .created_by = copy_text(created_by)};
    free(config->created);
    config->created = format_time(now_ns);
    return step->created && step->created_by && config->created ? 0 : -LX_ENOMEM;
}
