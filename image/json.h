/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_JSON_H
#define IMAGE_JSON_H

/*
 * Fields of JSON texts that nobody vouches for: types are checked, null is the same
 * as absent, and what a text may cost is bounded before it is parsed.
 *
 * Source   RFC 8259; the jansson manual.
 * Threads  any; one at a time per document.
 * Errors   -LX_EINVAL: no JSON, or a field of another type, which the sentence
 *          names; -LX_EFBIG: longer than IMAGE_JSON_MAX, or too deep or too many
 *          values; -LX_ENOMEM.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "image/config.h"
#include "lx/compiler.h"

#define IMAGE_JSON_MAX (4u << 20)

/* A text being read: its name and where messages go, both borrowed. */
struct image_json {
    const char *name;
    struct core_diag *diag;
    json_t *root;
};

/*
 * Parse a text.  Strings with a zero byte are refused.
 *   j        image_json_fini() it, also after a failure.
 */
MUST_USE int image_json_init(struct image_json *j, const void *text, size_t size, const char *name,
                             struct core_diag *diag);
void image_json_fini(struct image_json *j);

/* Give `err` a sentence: the text's name, then `format`; returns it. */
int image_json_refuse(const struct image_json *j, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Say that `where` and `key` is no `type` ("array of strings"); returns -LX_EINVAL. */
int image_json_wrong(const struct image_json *j, const char *where, const char *key,
                     const char *type);

/* Say that a field that must be there is not; returns -LX_EINVAL. */
int image_json_missing(const struct image_json *j, const char *where, const char *key);

/* Say that memory is short; returns -LX_ENOMEM. */
int image_json_no_memory(const struct image_json *j);

/*
 * Find a field of an object.
 *   where    what goes before the key in messages: "config.", "layers[2].".
 *   out      borrowed from the document; NULL if absent or null.
 */
MUST_USE int image_json_get(const struct image_json *j, const json_t *object, const char *where,
                            const char *key, json_type type, json_t **out);

/* A string of an object: the caller's to free(), or NULL if absent, null or empty. */
MUST_USE int image_json_string(const struct image_json *j, const json_t *object, const char *where,
                               const char *key, char **out);

/* A number of bytes, or `absent` if there is none. */
MUST_USE int image_json_size(const struct image_json *j, const json_t *object, const char *where,
                             const char *key, uint64_t absent, uint64_t *out);

/* Append an array's strings to a list. */
MUST_USE int image_json_strings(const struct image_json *j, const json_t *object, const char *where,
                                const char *key, struct image_list *out);

/* Append the keys of an object that stands for a set to a list, sorted. */
MUST_USE int image_json_keys(const struct image_json *j, const json_t *object, const char *where,
                             const char *key, struct image_list *out);

#endif
