/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_ENVIRONMENT_H
#define RUNNER_ENVIRONMENT_H

/*
 * The program's environment: docker's defaults, then the user's variables; the
 * last of a name counts.  Private to runner.
 *
 * Source   docker run, "Environment variables".
 * Threads  the caller's.
 * Errors   -LX_ENOMEM.
 */

#include "lx/compiler.h"

#define ENVIRONMENT_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 *   given  NULL-terminated "K=V"; borrowed.
 *   home   the user's home directory.
 *   out    NULL-terminated, owned by the caller: environment_free() it.
 */
MUST_USE int environment_make(const char *const *given, const char *home, const char *hostname,
                              char ***out);
void environment_free(char **env);

/* The value of a variable, or NULL. */
const char *environment_get(char *const *env, const char *name);

#endif
