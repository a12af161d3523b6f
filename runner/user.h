/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_USER_H
#define RUNNER_USER_H

/*
 * Who the program runs as: a user and group by the image's own files.
 *
 * Source   passwd(5), group(5); docker run, "USER".
 * Threads  any.
 */

#include <stddef.h>
#include <stdint.h>

#include "lx/compiler.h"

#define USER_GROUPS_MAX 1024u

struct user {
    uint32_t uid, gid;
    uint32_t group_count;
    uint32_t groups[USER_GROUPS_MAX]; /* supplementary; more are left out */
    char home[1024];
};

/*
 * Find a user.
 *   text     "NAME|UID[:GROUP|GID]"; NULL or empty is root.  A name counts before the
 *            number that it may look like.  Without a group it is the user's own, and 0
 *            if the file does not list the user.
 *   passwd, group  texts of the files; empty if there are none.
 *   error    filled with a sentence.
 *   returns  -LX_EINVAL: no such user or group.
 */
MUST_USE int user_find(const char *text, const char *passwd, const char *group, struct user *out,
                       char *error, size_t error_size);

/*
 * Add a supplementary group, as docker run --group-add does.
 *   text     "NAME|GID"; a name counts before the number that it may look like.
 *   returns  -LX_EINVAL: no such group, or too many.
 */
MUST_USE int user_add_group(const char *text, const char *group, struct user *out, char *error,
                            size_t error_size);

#endif
