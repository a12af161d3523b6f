/* SPDX-License-Identifier: MIT */
/* JSON texts: bounds before parsing, types after it. */

#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "list.h"
#include "lx/errno.h"
#include "plat/plat.h"

#define DEPTH_MAX 64u
#define VALUES_MAX 262144u /* some 60 MB at worst, of empty objects */
#define AGAIN "save or fetch the image again"

int image_json_refuse(const struct image_json *j, int err, const char *format, ...)
{
    char text[700];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return core_diag_set(j->diag, err, "%s: %s", j->name, text);
}

int image_json_wrong(const struct image_json *j, const char *where, const char *key,
                     const char *type)
{
    return image_json_refuse(j, -LX_EINVAL, "'%s%s' is no %s; " AGAIN, where, key, type);
}

int image_json_missing(const struct image_json *j, const char *where, const char *key)
{
    return image_json_refuse(j, -LX_EINVAL, "'%s%s' is missing; " AGAIN, where, key);
}

int image_json_no_memory(const struct image_json *j)
{
    return image_json_refuse(j, -LX_ENOMEM, "no memory to read it; close other programs");
}

/*
 * jansson's tables of keys are seeded by the first who uses them.  Left to itself it asks
 * Windows' CryptoAPI, which brings the whole of the user interface into the process.
 */
static void seed_objects(void)
{
    uint32_t seed;
    plat_random(&seed, sizeof seed);
    json_object_seed(seed | 1); /* 0 would be no seed */
}

/* Count what nests and what is separated, outside strings; a text that is no JSON may miscount. */
static int check_cost(const struct image_json *j, const char *text, size_t size)
{
    size_t depth = 0, values = 0;
    int quoted = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = 0;
        } else if (c == '"') {
            quoted = 1;
        } else if (c == '[' || c == '{') {
            depth++;
            values++;
        } else if ((c == ']' || c == '}') && depth) {
            depth--;
        } else if (c == ',') {
            values++;
        }
        if (depth > DEPTH_MAX || values > VALUES_MAX)
            return image_json_refuse(j, -LX_EFBIG,
                                     "the JSON has more than %u levels or %u values; " AGAIN,
                                     DEPTH_MAX, VALUES_MAX);
    }
    return 0;
}

int image_json_init(struct image_json *j, const void *text, size_t size, const char *name,
                    struct core_diag *diag)
{
    *j = (struct image_json){.name = name, .diag = diag};
    if (size > IMAGE_JSON_MAX)
        return image_json_refuse(j, -LX_EFBIG, "the JSON is longer than %u MiB; " AGAIN,
                                 IMAGE_JSON_MAX >> 20);
    int err = check_cost(j, text, size);
    if (err < 0)
        return err;
    seed_objects();
    json_error_t error;
    j->root = json_loadb(text, size, 0, &error);
    if (j->root)
        return 0;
    if (json_error_code(&error) == json_error_out_of_memory)
        return image_json_no_memory(j);
    return image_json_refuse(j, -LX_EINVAL, "this is no JSON (line %d: %s); " AGAIN, error.line,
                             error.text);
}

void image_json_fini(struct image_json *j)
{
    json_decref(j->root);
    j->root = NULL;
}

static const char *type_name(json_type type)
{
    switch (type) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    default:
        return "integer";
    }
}

int image_json_get(const struct image_json *j, const json_t *object, const char *where,
                   const char *key, json_type type, json_t **out)
{
    *out = NULL;
    json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return 0;
    if (json_typeof(value) != type)
        return image_json_wrong(j, where, key, type_name(type));
    *out = value;
    return 0;
}

int image_json_string(const struct image_json *j, const json_t *object, const char *where,
                      const char *key, char **out)
{
    json_t *value;
    *out = NULL;
    int err = image_json_get(j, object, where, key, JSON_STRING, &value);
    if (err < 0 || !value || json_string_length(value) == 0)
        return err;
    *out = image_list_copy(json_string_value(value), json_string_length(value));
    return *out ? 0 : image_json_no_memory(j);
}

int image_json_size(const struct image_json *j, const json_t *object, const char *where,
                    const char *key, uint64_t absent, uint64_t *out)
{
    json_t *value;
    *out = absent;
    int err = image_json_get(j, object, where, key, JSON_INTEGER, &value);
    if (err < 0 || !value)
        return err;
    if (json_integer_value(value) < 0)
        return image_json_wrong(j, where, key, "number of bytes");
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

int image_json_strings(const struct image_json *j, const json_t *object, const char *where,
                       const char *key, struct image_list *out)
{
    json_t *array;
    int err = image_json_get(j, object, where, key, JSON_ARRAY, &array);
    for (size_t i = 0; err == 0 && i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        if (!json_is_string(item))
            return image_json_wrong(j, where, key, "array of strings");
        err = image_list_add(out, json_string_value(item), json_string_length(item));
        if (err < 0)
            return image_json_no_memory(j);
    }
    return err;
}

int image_json_keys(const struct image_json *j, const json_t *object, const char *where,
                    const char *key, struct image_list *out)
{
    json_t *set, *value;
    const char *name;
    int err = image_json_get(j, object, where, key, JSON_OBJECT, &set);
    if (err < 0 || !set)
        return err;
    json_object_foreach(set, name, value)
    {
        err = image_list_add(out, name, strlen(name));
        if (err < 0)
            return image_json_no_memory(j);
    }
    image_list_sort(out);
    return 0;
}
