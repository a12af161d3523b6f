/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_WORDS_H
#define IMAGE_WORDS_H

/*
 * Words as a Dockerfile has them: quotes, backslashes, and $NAME or ${NAME} from
 * the environment so far.
 *
 * Source   Dockerfile reference, "Environment replacement".
 * Threads  one.
 * Errors   -LX_EINVAL: a quote that does not end, or a ${...} that is no ${NAME};
 *          -LX_ENOMEM.
 */

#include "image/config.h"
#include "lx/compiler.h"

/*
 * Take the next word, as it is written, off a text; blanks in quotes or after a
 * backslash belong to it.
 *   text     moved behind the word.
 *   returns  the word's bytes; 0 at the end.
 */
size_t image_words_next(const char **text, const char **word);

/*
 * Take quotes and backslashes away and put values in place of names.
 *   env      where names are looked up; one that is not there is empty.
 *   out      the caller's to free().
 */
MUST_USE int image_words_expand(const char *word, size_t size, const struct image_list *env,
                                char **out);

#endif
