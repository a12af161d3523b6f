/* SPDX-License-Identifier: MIT */
#ifndef CMD_ENVFILE_H
#define CMD_ENVFILE_H

/*
 * Environment variables from the command line and from files.
 *
 * A file is UTF-8; a byte-order mark is dropped, leading blanks are trimmed, a
 * line that starts with # is a comment, quotes mean themselves, and a bare K
 * takes the value it has here.
 *
 * Source   docker run, --env and --env-file.
 * Threads  the caller's.
 * Errors   -LX_ENOMEM, and those of reading; `diag` says which file and line.
 */

#include "core/diag.h"
#include "lx/compiler.h"
#include "strlist.h"

/* Add "K=V", or "K" with its value here; a K that is not set here adds nothing. */
MUST_USE int cmd_env_add(struct cmd_strings *env, const char *text);

MUST_USE int cmd_envfile_read(const char *path, struct cmd_strings *env, struct core_diag *diag);

/* The same for a file's contents; `path` is for messages. */
MUST_USE int cmd_envfile_parse(const char *text, size_t size, const char *path,
                               struct cmd_strings *env, struct core_diag *diag);

#endif
