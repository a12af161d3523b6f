/* SPDX-License-Identifier: MIT */
/* Words of a Dockerfile: split, then expanded one by one. */

#include "words.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

struct text {
    char *data;
    size_t size, capacity;
};

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

size_t image_words_next(const char **text, const char **word)
{
    const char *p = *text;
    char quote = 0;
    while (is_blank(*p))
        p++;
    *word = p;
    for (; *p && (quote || !is_blank(*p)); p++) {
        if (*p == '\\' && quote != '\'' && p[1])
            p++;
        else if (quote ? *p == quote : *p == '"' || *p == '\'')
            quote = quote ? 0 : *p;
    }
    *text = p;
    return (size_t)(p - *word);
}

/* Append, with room left for a zero. */
static int append(struct text *t, const char *data, size_t size)
{
    if (t->size + size >= t->capacity) {
        size_t capacity = 2 * t->capacity + size + 64;
        char *larger = realloc(t->data, capacity);
        if (!larger)
            return -LX_ENOMEM;
        t->data = larger;
        t->capacity = capacity;
    }
    memcpy(t->data + t->size, data, size);
    t->size += size;
    return 0;
}

/* The value of the last variable of that name, or "". */
static const char *look_up(const struct image_list *env, const char *name, size_t size)
{
    for (uint32_t i = env->count; i-- > 0;)
        if (!strncmp(env->items[i], name, size) && env->items[i][size] == '=')
            return env->items[i] + size + 1;
    return "";
}

/* Append the value of the name behind a "$" at *at, which is moved behind it. */
static int append_variable(struct text *t, const char **at, const char *end,
                           const struct image_list *env)
{
    const char *name = *at + 1;
    int braced = name < end && *name == '{';
    name += braced;
    const char *stop = name;
    while (stop < end && is_name(*stop))
        stop++;
    if (braced && (stop == end || *stop != '}' || stop == name))
        return -LX_EINVAL;
    *at = stop + braced;
    if (stop == name) /* a lone "$" */
        return append(t, "$", 1);
    const char *value = look_up(env, name, (size_t)(stop - name));
    return append(t, value, strlen(value));
}

static int expand(struct text *t, const char *p, const char *end, const struct image_list *env)
{
    char quote = 0;
    int err = append(t, "", 0);
    while (p < end && err == 0) {
        if (*p == '$' && quote != '\'') {
            err = append_variable(t, &p, end, env);
            continue;
        }
        if (quote ? *p == quote : *p == '"' || *p == '\'') {
            quote = quote ? 0 : *p;
            p++;
            continue;
        }
        int escaped = *p == '\\' && quote != '\'' && p + 1 < end;
        if (escaped && (!quote || strchr("\"$\\", p[1])))
            p++;
        err = append(t, p++, 1);
    }
    return err == 0 && quote ? -LX_EINVAL : err;
}

int image_words_expand(const char *word, size_t size, const struct image_list *env, char **out)
{
    struct text t = {0};
    int err = expand(&t, word, word + size, env);
    if (err < 0) {
        free(t.data);
        *out = NULL;
        return err;
    }
    t.data[t.size] = 0;
    *out = t.data;
    return 0;
}
