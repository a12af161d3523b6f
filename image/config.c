/* SPDX-License-Identifier: MIT */
/* An image's configuration, from JSON and back. */

#include "image/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "list.h"
#include "lx/errno.h"

/* ---- Reading ------------------------------------------------------------- */

static int compare_labels(const void *a, const void *b)
{
    return strcmp(((const struct image_label *)a)->key, ((const struct image_label *)b)->key);
}

static int read_labels(const struct image_json *j, const json_t *config, struct image_config *out)
{
    json_t *labels, *value;
    const char *key;
    int err = image_json_get(j, config, "config.", "Labels", JSON_OBJECT, &labels);
    if (err < 0 || !labels || json_object_size(labels) == 0)
        return err;
    out->labels = calloc(json_object_size(labels), sizeof *out->labels);
    if (!out->labels)
        return image_json_no_memory(j);
    json_object_foreach(labels, key, value)
    {
        if (!json_is_string(value))
            return image_json_wrong(j, "config.", "Labels", "object of strings");
        struct image_label *label = &out->labels[out->label_count++];
        label->key = image_list_copy(key, strlen(key));
        label->value = image_list_copy(json_string_value(value), json_string_length(value));
        if (!label->key || !label->value)
            return image_json_no_memory(j);
    }
    qsort(out->labels, out->label_count, sizeof *out->labels, compare_labels);
    return 0;
}

static int read_step(const struct image_json *j, const json_t *step, const char *where,
                     struct image_history *out)
{
    int err = image_json_string(j, step, where, "created", &out->created);
    if (err == 0)
        err = image_json_string(j, step, where, "created_by", &out->created_by);
    if (err == 0)
        err = image_json_string(j, step, where, "author", &out->author);
    if (err == 0)
        err = image_json_string(j, step, where, "comment", &out->comment);
    json_t *empty = json_object_get(step, "empty_layer");
    if (err == 0 && empty && !json_is_null(empty) && !json_is_boolean(empty))
        err = image_json_wrong(j, where, "empty_layer", "boolean");
    out->empty_layer = json_is_true(empty);
    return err;
}

static int read_history(const struct image_json *j, struct image_config *out)
{
    json_t *steps;
    int err = image_json_get(j, j->root, "", "history", JSON_ARRAY, &steps);
    if (err < 0 || json_array_size(steps) == 0)
        return err;
    out->history = calloc(json_array_size(steps), sizeof *out->history);
    if (!out->history)
        return image_json_no_memory(j);
    for (uint32_t i = 0; err == 0 && i < json_array_size(steps); i++) {
        char where[32];
        const json_t *step = json_array_get(steps, i);
        if (!json_is_object(step))
            return image_json_wrong(j, "", "history", "array of objects");
        snprintf(where, sizeof where, "history[%u].", i);
        err = read_step(j, step, where, &out->history[out->history_count++]);
    }
    return err;
}

static int read_running(const struct image_json *j, struct image_config *out)
{
    json_t *config;
    int err = image_json_get(j, j->root, "", "config", JSON_OBJECT, &config);
    if (err < 0 || !config)
        return err;
    const struct {
        const char *key;
        struct image_list *list;
    } lists[] = {{"Env", &out->env}, {"Entrypoint", &out->entrypoint}, {"Cmd", &out->cmd}};
    for (size_t i = 0; err == 0 && i < sizeof lists / sizeof *lists; i++)
        err = image_json_strings(j, config, "config.", lists[i].key, lists[i].list);
    if (err == 0)
        err = image_json_keys(j, config, "config.", "Volumes", &out->volumes);
    if (err == 0)
        err = image_json_keys(j, config, "config.", "ExposedPorts", &out->ports);
    if (err == 0)
        err = image_json_string(j, config, "config.", "WorkingDir", &out->workdir);
    if (err == 0)
        err = image_json_string(j, config, "config.", "User", &out->user);
    if (err == 0)
        err = image_json_string(j, config, "config.", "StopSignal", &out->stop_signal);
    return err < 0 ? err : read_labels(j, config, out);
}

static int read_all(const struct image_json *j, struct image_config *out)
{
    json_t *rootfs;
    if (!json_is_object(j->root))
        return image_json_refuse(j, -LX_EINVAL,
                                 "this is no image configuration, which is a JSON "
                                 "object; save or fetch the image again");
    int err = image_json_string(j, j->root, "", "architecture", &out->architecture);
    if (err == 0)
        err = image_json_string(j, j->root, "", "os", &out->os);
    if (err == 0)
        err = image_json_string(j, j->root, "", "created", &out->created);
    if (err == 0)
        err = read_running(j, out);
    if (err == 0)
        err = read_history(j, out);
    if (err == 0)
        err = image_json_get(j, j->root, "", "rootfs", JSON_OBJECT, &rootfs);
    if (err == 0)
        err = image_json_strings(j, rootfs, "rootfs.", "diff_ids", &out->diff_ids);
    return err;
}

int image_config_read(const void *text, size_t size, const char *name, struct image_config *out,
                      struct core_diag *diag)
{
    struct image_json j;
    *out = (struct image_config){0};
    int err = image_json_init(&j, text, size, name, diag);
    if (err == 0)
        err = read_all(&j, out);
    image_json_fini(&j);
    if (err < 0)
        image_config_fini(out);
    return err;
}

void image_config_fini(struct image_config *config)
{
    struct image_list *lists[] = {&config->env,     &config->entrypoint, &config->cmd,
                                  &config->volumes, &config->ports,      &config->diff_ids};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        image_list_fini(lists[i]);
    for (uint32_t i = 0; i < config->label_count; i++) {
        free(config->labels[i].key);
        free(config->labels[i].value);
    }
    for (uint32_t i = 0; i < config->history_count; i++) {
        free(config->history[i].created);
        free(config->history[i].created_by);
        free(config->history[i].author);
        free(config->history[i].comment);
    }
    free(config->labels);
    free(config->history);
    free(config->workdir);
    free(config->user);
    free(config->stop_signal);
    free(config->architecture);
    free(config->os);
    free(config->created);
    *config = (struct image_config){0};
}

/* ---- Writing ------------------------------------------------------------- */

/* Set a field to `value`, which is taken; returns -1 if there was none or no memory. */
static int set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

static int set_string(json_t *object, const char *key, const char *value)
{
    return value ? set(object, key, json_string(value)) : 0;
}

static int set_list(json_t *object, const char *key, const struct image_list *list)
{
    if (list->count == 0)
        return 0;
    json_t *array = json_array();
    int err = 0;
    for (uint32_t i = 0; i < list->count; i++)
        err |= json_array_append_new(array, json_string(list->items[i]));
    return set(object, key, array) | err;
}

static int set_keys(json_t *object, const char *key, const struct image_list *list)
{
    if (list->count == 0)
        return 0;
    json_t *keys = json_object();
    int err = 0;
    for (uint32_t i = 0; i < list->count; i++)
        err |= set(keys, list->items[i], json_object());
    return set(object, key, keys) | err;
}

static int set_labels(json_t *object, const struct image_config *config)
{
    if (config->label_count == 0)
        return 0;
    json_t *labels = json_object();
    int err = 0;
    for (uint32_t i = 0; i < config->label_count; i++)
        err |= set(labels, config->labels[i].key, json_string(config->labels[i].value));
    return set(object, "Labels", labels) | err;
}

static int set_history(json_t *root, const struct image_config *config)
{
    if (config->history_count == 0)
        return 0;
    json_t *steps = json_array();
    int err = 0;
    for (uint32_t i = 0; i < config->history_count; i++) {
        const struct image_history *h = &config->history[i];
        json_t *step = json_object();
        err |= set_string(step, "created", h->created);
        err |= set_string(step, "created_by", h->created_by);
        err |= set_string(step, "author", h->author);
        err |= set_string(step, "comment", h->comment);
        if (h->empty_layer)
            err |= set(step, "empty_layer", json_true());
        err |= json_array_append_new(steps, step);
    }
    return set(root, "history", steps) | err;
}

static int set_running(json_t *root, const struct image_config *config)
{
    json_t *running = json_object();
    int err = set_list(running, "Env", &config->env);
    err |= set_list(running, "Entrypoint", &config->entrypoint);
    err |= set_list(running, "Cmd", &config->cmd);
    err |= set_keys(running, "Volumes", &config->volumes);
    err |= set_keys(running, "ExposedPorts", &config->ports);
    err |= set_string(running, "WorkingDir", config->workdir);
    err |= set_string(running, "User", config->user);
    err |= set_string(running, "StopSignal", config->stop_signal);
    err |= set_labels(running, config);
    if (err == 0 && running && json_object_size(running) == 0) {
        json_decref(running);
        return 0;
    }
    return set(root, "config", running) | err;
}

int image_config_write(const struct image_config *config, char **text, size_t *size)
{
    *text = NULL;
    *size = 0;
    json_t *root = json_object();
    int err = set_running(root, config);
    err |= set_string(root, "architecture", config->architecture);
    err |= set_string(root, "os", config->os);
    err |= set_string(root, "created", config->created);
    err |= set_history(root, config);
    if (err == 0)
        *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(root);
    if (*text)
        *size = strlen(*text);
    return *text ? 0 : -LX_ENOMEM;
}
