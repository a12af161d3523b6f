/* SPDX-License-Identifier: MIT */
/* Users and groups by the image's files.  Lines that are damaged are passed over. */

#include "user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define FIELDS_MAX 7

/* A part of a text. */
struct span {
    const char *at;
    size_t size;
};

/* Take a line off the text and split it at colons; 0 at the end. */
static int next_line(const char **text, struct span fields[FIELDS_MAX], unsigned *count)
{
    const char *at = *text, *end = at + strcspn(at, "\n");
    if (!*at)
        return 0;
    *text = *end ? end + 1 : end;
    *count = 0;
    while (*count < FIELDS_MAX) {
        struct span *f = &fields[(*count)++];
        f->at = at;
        while (at < end && *at != ':')
            at++;
        f->size = (size_t)(at - f->at);
        if (at == end)
            break;
        at++;
    }
    return 1;
}

static int is_text(struct span s, struct span text)
{
    return s.size == text.size && memcmp(s.at, text.at, s.size) == 0;
}

static int number(struct span s, uint32_t *out)
{
    uint64_t value = 0;
    if (s.size == 0 || s.size > 10)
        return 0;
    for (size_t i = 0; i < s.size; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return 0;
        value = value * 10 + (uint64_t)(s.at[i] - '0');
    }
    *out = (uint32_t)value;
    return value < UINT32_MAX; /* the last one stands for "none" in many calls */
}

/* name:password:uid:gid:comment:home:shell */
enum { NAME, PASSWORD, ID, GID, COMMENT, HOME };

/* A line of passwd, by name or, with `by_id`, by number. */
static int find_line(const char *passwd, struct span name, int by_id, uint32_t id,
                     struct span fields[FIELDS_MAX])
{
    unsigned count;
    uint32_t uid, gid;
    while (next_line(&passwd, fields, &count)) {
        if (count <= GID || !number(fields[ID], &uid) || !number(fields[GID], &gid))
            continue;
        if (by_id ? uid != id : !is_text(fields[NAME], name))
            continue;
        if (count <= HOME)
            fields[HOME] = (struct span){"", 0};
        return 1;
    }
    return 0;
}

/* The groups that list the user: name:password:gid:user,user */
static void find_groups(const char *group, struct span user, struct user *out)
{
    struct span fields[FIELDS_MAX];
    unsigned count;
    while (next_line(&group, fields, &count)) {
        uint32_t gid;
        if (count <= GID || !number(fields[ID], &gid))
            continue;
        for (struct span rest = fields[GID]; rest.size;) {
            const char *comma = memchr(rest.at, ',', rest.size);
            struct span one = {rest.at, comma ? (size_t)(comma - rest.at) : rest.size};
            if (is_text(one, user) && out->group_count < USER_GROUPS_MAX)
                out->groups[out->group_count++] = gid;
            rest.at += one.size + (comma != NULL);
            rest.size -= one.size + (comma != NULL);
        }
    }
}

static int find_group(const char *group, struct span name, uint32_t *gid)
{
    struct span fields[FIELDS_MAX];
    unsigned count;
    while (next_line(&group, fields, &count)) {
        if (count > ID && is_text(fields[NAME], name) && number(fields[ID], gid))
            return 1;
    }
    return number(name, gid);
}

int user_find(const char *text, const char *passwd, const char *group, struct user *out,
              char *error, size_t error_size)
{
    if (!text || !*text)
        text = "0";
    struct span name = {text, strcspn(text, ":")}, line[FIELDS_MAX];
    const char *colon = text[name.size] ? text + name.size : NULL;
    *out = (struct user){.home = "/"};
    int is_number = number(name, &out->uid);
    if (find_line(passwd, name, 0, 0, line) ||
        (is_number && find_line(passwd, name, 1, out->uid, line))) {
        /* find_line() gives lines with numbers only */
        out->uid = number(line[ID], &out->uid) ? out->uid : 0;
        out->gid = number(line[GID], &out->gid) ? out->gid : 0;
        if (line[HOME].size && line[HOME].size < sizeof out->home)
            snprintf(out->home, sizeof out->home, "%.*s", (int)line[HOME].size, line[HOME].at);
        if (!colon)
            find_groups(group, line[NAME], out);
    } else if (!is_number) {
        snprintf(error, error_size, "the image's /etc/passwd has no user '%.*s'", (int)name.size,
                 name.at);
        return -LX_EINVAL;
    }
    if (!colon)
        return 0;
    struct span wanted = {colon + 1, strlen(colon + 1)};
    if (!find_group(group, wanted, &out->gid)) {
        snprintf(error, error_size, "the image's /etc/group has no group '%s'", wanted.at);
        return -LX_EINVAL;
    }
    return 0;
}

int user_add_group(const char *text, const char *group, struct user *out, char *error,
                   size_t error_size)
{
    uint32_t gid;
    if (!find_group(group, (struct span){text, strlen(text)}, &gid)) {
        snprintf(error, error_size, "the image's /etc/group has no group '%s'", text);
        return -LX_EINVAL;
    }
    for (uint32_t i = 0; i < out->group_count; i++) {
        if (out->groups[i] == gid)
            return 0;
    }
    if (out->group_count == USER_GROUPS_MAX) {
        snprintf(error, error_size, "the user is in more than %u groups", USER_GROUPS_MAX);
        return -LX_EINVAL;
    }
    out->groups[out->group_count++] = gid;
    return 0;
}
