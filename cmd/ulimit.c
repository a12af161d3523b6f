/* SPDX-License-Identifier: MIT */
/* Limits on a command line. */

#include "ulimit.h"

#include <string.h>

#include "lx/errno.h"
#include "lx/resource.h"

#define FILES_MAX 1048576u /* no process may have more: fs.nr_open */

/* docker's names, by resource. */
static const char *const names[] = {
    [LX_RLIMIT_CPU] = "cpu",           [LX_RLIMIT_FSIZE] = "fsize",
    [LX_RLIMIT_DATA] = "data",         [LX_RLIMIT_STACK] = "stack",
    [LX_RLIMIT_CORE] = "core",         [LX_RLIMIT_RSS] = "rss",
    [LX_RLIMIT_NPROC] = "nproc",       [LX_RLIMIT_NOFILE] = "nofile",
    [LX_RLIMIT_MEMLOCK] = "memlock",   [LX_RLIMIT_AS] = "as",
    [LX_RLIMIT_LOCKS] = "locks",       [LX_RLIMIT_SIGPENDING] = "sigpending",
    [LX_RLIMIT_MSGQUEUE] = "msgqueue", [LX_RLIMIT_NICE] = "nice",
    [LX_RLIMIT_RTPRIO] = "rtprio",     [LX_RLIMIT_RTTIME] = "rttime",
};

static int is_text(const char *at, size_t size, const char *text)
{
    return strlen(text) == size && memcmp(at, text, size) == 0;
}

static int read_number(const char *at, size_t size, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (at[i] < '0' || at[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(at[i] - '0'), &value))
            return -LX_EINVAL;
    }
    *out = value;
    return size && value <= INT64_MAX ? 0 : -LX_EINVAL;
}

static int read_limit(const char *at, size_t size, uint64_t *out)
{
    if (is_text(at, size, "-1") || is_text(at, size, "unlimited")) {
        *out = LX_RLIM64_INFINITY;
        return 0;
    }
    return read_number(at, size, out);
}

int cmd_ulimit_read(const char *text, struct runner_ulimit *out, struct core_diag *diag)
{
    const char *equals = strchr(text, '=');
    size_t name_size = equals ? (size_t)(equals - text) : 0;
    uint32_t count = sizeof names / sizeof names[0], resource = 0;
    *out = (struct runner_ulimit){0, 0, 0};
    if (!equals)
        return core_diag_set(diag, -LX_EINVAL, "'%s' is not a limit: give NAME=SOFT[:HARD]", text);
    while (resource < count && !is_text(text, name_size, names[resource]))
        resource++;
    if (resource == count)
        return core_diag_set(diag, -LX_EINVAL, "there is no limit '%.*s'", (int)name_size, text);
    const char *soft = equals + 1, *colon = strchr(soft, ':');
    size_t soft_size = colon ? (size_t)(colon - soft) : strlen(soft);
    int err = read_limit(soft, soft_size, &out->soft);
    out->hard = out->soft;
    if (err == 0 && colon)
        err = read_limit(colon + 1, strlen(colon + 1), &out->hard);
    if (err < 0)
        return core_diag_set(diag, err, "'%s' is not a limit: give numbers, or 'unlimited'", text);
    if (out->soft > out->hard)
        return core_diag_set(diag, -LX_EINVAL, "the soft limit of '%s' is above the hard one",
                             text);
    if (resource == LX_RLIMIT_NOFILE && out->hard > FILES_MAX)
        return core_diag_set(diag, -LX_EINVAL, "'%s': at most %u files can be open", text,
                             FILES_MAX);
    out->resource = resource;
    return 0;
}

int cmd_pids_limit_read(const char *text, uint32_t *out)
{
    uint64_t value;
    *out = 0;
    if (!strcmp(text, "-1"))
        return 0;
    if (read_number(text, strlen(text), &value) < 0 || value > INT32_MAX)
        return -LX_EINVAL;
    *out = (uint32_t)value;
    return 0;
}
