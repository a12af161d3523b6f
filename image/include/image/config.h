/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_CONFIG_H
#define IMAGE_CONFIG_H

/*
 * An image's configuration: what runs in it by default, and what is known of it.
 *
 * Source   OCI image specification 1.1, "OCI Image Configuration"; the Docker image
 *          specification 1.2, which has the same fields.
 * Threads  the caller's object.
 * Errors   -LX_EINVAL: the text or the change is refused; -LX_EFBIG: the text is
 *          longer than 4 MiB, too deep or has too many values; -LX_ENOMEM.
 *
 * Strings are UTF-8 without zero bytes.  One that is empty counts as absent and is
 * NULL here; so do null and an empty list.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "lx/compiler.h"

struct image_list {
    char **items;
    uint32_t count;
};

struct image_label {
    char *key, *value;
};

/* How a layer came about. */
struct image_history {
    char *created, *created_by, *author, *comment;
    int empty_layer; /* the step made no layer */
};

/* All zero is an empty configuration. */
struct image_config {
    struct image_list env; /* "NAME=value" */
    struct image_list entrypoint, cmd;
    struct image_list volumes, ports; /* sorted; ports as "80/tcp" */
    struct image_list diff_ids;       /* of the layers, lowest first: "sha256:..." */
    struct image_label *labels;       /* sorted by key */
    struct image_history *history;
    uint32_t label_count, history_count;
    char *workdir, *user, *stop_signal;
    char *architecture, *os, *created;
};

/*
 * Read a configuration as registries and archives have it, or as
 * image_config_write() wrote it; fields of no interest here are skipped.
 *   name     of the text, for messages.
 *   out      the caller's to image_config_fini(); empty on failure.
 */
MUST_USE int image_config_read(const void *text, size_t size, const char *name,
                               struct image_config *out, struct core_diag *diag);

/*
 * Write the configuration without its diff_ids: keys sorted, nothing between them,
 * absent fields left out, so that equal configurations give equal texts.
 *   text     the caller's to free(); ends in a zero that `size` does not count.
 */
MUST_USE int image_config_write(const struct image_config *config, char **text, size_t *size);

/*
 * Change one thing, as `docker import --change` does: CMD, ENTRYPOINT, ENV, EXPOSE,
 * LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR, then what a Dockerfile has after it.
 * Quotes and $NAME count as there, but no ${NAME:-...}.  After a failure the change
 * may be half made.
 */
MUST_USE int image_config_change(struct image_config *config, const char *change,
                                 struct core_diag *diag);

/*
 * Note a step that made files, as docker commit does; it is the image's own time, too.
 *   now_ns   since 1970.
 */
MUST_USE int image_config_add_step(struct image_config *config, const char *created_by,
                                   uint64_t now_ns);

void image_config_fini(struct image_config *config);

#endif
