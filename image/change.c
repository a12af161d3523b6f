/* SPDX-License-Identifier: MIT */
/* One change of a configuration, written as a line of a Dockerfile. */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/config.h"
#include "list.h"
#include "lx/errno.h"
#include "words.h"

#define PORT_MAX 65535u

struct change {
    struct image_config *config;
    const char *text; /* all of it, for messages */
    const char *rest; /* what follows the instruction */
    struct core_diag *diag;
};

static int refuse(const struct change *c, const char *what)
{
    return core_diag_set(c->diag, -LX_EINVAL, "the change '%.200s' %s", c->text, what);
}

static int failed(const struct change *c, int err)
{
    if (err == -LX_EINVAL)
        return refuse(c, "has a quote that does not end or a ${...} that is no ${NAME}; write the "
                         "value out");
    return core_diag_set(c->diag, err, "the change '%.200s' is out of memory; close other programs",
                         c->text);
}

/* ---- Values -------------------------------------------------------------- */

/* Put a string in place of the old one. */
static int replace(const struct change *c, char **field, char *value)
{
    if (!*value) {
        free(value);
        return refuse(c, "has no value; give one after the instruction");
    }
    free(*field);
    *field = value;
    return 0;
}

/* All of the rest, expanded. */
static int change_string(const struct change *c, char **field)
{
    char *value;
    int err = image_words_expand(c->rest, strlen(c->rest), &c->config->env, &value);
    return err < 0 ? failed(c, err) : replace(c, field, value);
}

static int change_user(const struct change *c)
{
    return change_string(c, &c->config->user);
}

static int change_stop_signal(const struct change *c)
{
    return change_string(c, &c->config->stop_signal);
}

/* A relative directory is one below the directory so far. */
static int change_workdir(const struct change *c)
{
    char *value = NULL;
    int err = change_string(c, &value);
    if (err < 0 || value[0] == '/')
        return err < 0 ? err : replace(c, &c->config->workdir, value);
    const char *base = c->config->workdir ? c->config->workdir : "";
    size_t size = strlen(base) + 1 + strlen(value) + 1;
    char *joined = malloc(size);
    if (joined) {
        int slash = base[0] && base[strlen(base) - 1] == '/';
        snprintf(joined, size, "%s%s%s", base, slash ? "" : "/", value);
    }
    free(value);
    return joined ? replace(c, &c->config->workdir, joined) : failed(c, -LX_ENOMEM);
}

/* ---- Lists --------------------------------------------------------------- */

/* Read a JSON array of strings: 1 if the rest is one, 0 if not, -LX_ENOMEM. */
static int read_array(const struct change *c, struct image_list *out)
{
    json_t *array = c->rest[0] == '[' ? json_loads(c->rest, 0, NULL) : NULL;
    int result = array != NULL;
    for (size_t i = 0; result == 1 && i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        if (!json_is_string(item))
            result = 0;
        else if (image_list_add(out, json_string_value(item), json_string_length(item)) < 0)
            result = -LX_ENOMEM;
    }
    json_decref(array);
    if (result != 1)
        image_list_fini(out);
    return result;
}

/* What is no JSON array is a command for the shell, even if it begins with a bracket. */
static int change_command(const struct change *c, struct image_list *field)
{
    struct image_list list = {0};
    int err = read_array(c, &list);
    if (err == 0) {
        if (!*c->rest)
            return refuse(c, "has no command; give [] for none");
        err = image_list_add(&list, "/bin/sh", 7);
        if (err == 0)
            err = image_list_add(&list, "-c", 2);
        if (err == 0)
            err = image_list_add(&list, c->rest, strlen(c->rest));
    }
    if (err < 0) {
        image_list_fini(&list);
        return failed(c, err);
    }
    image_list_fini(field);
    *field = list;
    return 0;
}

static int change_cmd(const struct change *c)
{
    return change_command(c, &c->config->cmd);
}

static int change_entrypoint(const struct change *c)
{
    return change_command(c, &c->config->entrypoint);
}

/* Add the rest's words, expanded. */
static int read_words(const struct change *c, struct image_list *out)
{
    const char *text = c->rest, *word;
    size_t size;
    int err = 0;
    while (err == 0 && (size = image_words_next(&text, &word)) > 0) {
        char *value;
        err = image_words_expand(word, size, &c->config->env, &value);
        if (err == 0)
            err = image_list_add(out, value, strlen(value));
        free(value);
    }
    if (err < 0)
        return failed(c, err);
    return out->count ? 0 : refuse(c, "has no value; give one after the instruction");
}

static int change_volume(const struct change *c)
{
    struct image_list list = {0}, *volumes = &c->config->volumes;
    int err = read_array(c, &list);
    if (err == 0)
        err = read_words(c, &list);
    else if (err < 0)
        err = failed(c, err);
    for (uint32_t i = 0; err >= 0 && i < list.count; i++) {
        err = *list.items[i] ? image_list_add(volumes, list.items[i], strlen(list.items[i]))
                             : refuse(c, "names an empty volume; give its path");
        if (err == -LX_ENOMEM)
            failed(c, err);
    }
    image_list_sort(volumes);
    image_list_fini(&list);
    return err < 0 ? err : 0;
}

/* Read "80", "80-90", with "/udp" or not. */
static int read_ports(const char *text, uint32_t *first, uint32_t *last, const char **protocol)
{
    char *end;
    if (*text < '0' || *text > '9')
        return 0;
    *first = *last = (uint32_t)strtoul(text, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        *last = (uint32_t)strtoul(end + 1, &end, 10);
    *protocol = *end == '/' ? end + 1 : "tcp";
    if (*end && *end != '/')
        return 0;
    return *first >= 1 && *first <= *last && *last <= PORT_MAX &&
           (!strcmp(*protocol, "tcp") || !strcmp(*protocol, "udp") || !strcmp(*protocol, "sctp"));
}

static int add_ports(const struct change *c, const char *text)
{
    uint32_t first, last;
    const char *protocol;
    if (!read_ports(text, &first, &last, &protocol))
        return refuse(c, "names no port; write 80, 80/udp or 8000-8010/tcp");
    for (uint32_t port = first; port <= last; port++) {
        char item[32];
        int size = snprintf(item, sizeof item, "%u/%s", port, protocol);
        if (image_list_add(&c->config->ports, item, (size_t)size) < 0)
            return failed(c, -LX_ENOMEM);
    }
    return 0;
}

static int change_expose(const struct change *c)
{
    struct image_list list = {0};
    int err = read_words(c, &list);
    for (uint32_t i = 0; err == 0 && i < list.count; i++)
        err = add_ports(c, list.items[i]);
    image_list_sort(&c->config->ports);
    image_list_fini(&list);
    return err;
}

/* ---- Pairs --------------------------------------------------------------- */

static int set_env(struct image_config *config, const char *key, const char *value)
{
    size_t key_size = strlen(key), size = key_size + 1 + strlen(value);
    char *item = malloc(size + 1);
    if (!item)
        return -LX_ENOMEM;
    snprintf(item, size + 1, "%s=%s", key, value);
    for (uint32_t i = 0; i < config->env.count; i++) {
        char **known = &config->env.items[i];
        if (!strncmp(*known, item, key_size + 1)) {
            free(*known);
            *known = item;
            return 0;
        }
    }
    int err = image_list_add(&config->env, item, size);
    free(item);
    return err;
}

static int set_label(struct image_config *config, const char *key, const char *value)
{
    uint32_t at = 0;
    while (at < config->label_count && strcmp(config->labels[at].key, key) < 0)
        at++;
    struct image_label label = {.value = image_list_copy(value, strlen(value))};
    if (!label.value)
        return -LX_ENOMEM;
    if (at < config->label_count && !strcmp(config->labels[at].key, key)) {
        free(config->labels[at].value);
        config->labels[at].value = label.value;
        return 0;
    }
    struct image_label *larger =
        realloc(config->labels, (config->label_count + 1) * sizeof *config->labels);
    if (larger)
        config->labels = larger;
    label.key = image_list_copy(key, strlen(key));
    if (!larger || !label.key) {
        free(label.key);
        free(label.value);
        return -LX_ENOMEM;
    }
    memmove(larger + at + 1, larger + at, (config->label_count++ - at) * sizeof *larger);
    larger[at] = label;
    return 0;
}

typedef int set_pair(struct image_config *config, const char *key, const char *value);

/* The old form, "NAME the rest": one pair, the value as it stands but for quotes and names. */
static int change_one_pair(const struct change *c, set_pair *set)
{
    const char *value = c->rest, *word;
    char *key = NULL, *expanded = NULL;
    size_t size = image_words_next(&value, &word);
    value += strspn(value, " \t");
    if (!*value)
        return refuse(c, "has no value; write NAME=value");
    int err = image_words_expand(word, size, &c->config->env, &key);
    if (err == 0)
        err = image_words_expand(value, strlen(value), &c->config->env, &expanded);
    if (err == 0)
        err = set(c->config, key, expanded);
    free(key);
    free(expanded);
    return err < 0 ? failed(c, err) : 0;
}

/* "A=b C=d": all are expanded before one is set, so a value never sees its neighbours. */
static int change_pairs(const struct change *c, set_pair *set)
{
    const char *text = c->rest, *word;
    size_t size = image_words_next(&text, &word);
    if (size && !memchr(word, '=', size))
        return change_one_pair(c, set);
    struct image_list list = {0};
    int err = read_words(c, &list);
    for (uint32_t i = 0; err == 0 && i < list.count; i++) {
        char *equals = strchr(list.items[i], '=');
        if (!equals || equals == list.items[i]) {
            err = refuse(c, "has a word that is no NAME=value; quote values with blanks");
            break;
        }
        *equals = 0;
        err = set(c->config, list.items[i], equals + 1);
        if (err < 0)
            failed(c, err);
    }
    image_list_fini(&list);
    return err;
}

static int change_env(const struct change *c)
{
    return change_pairs(c, set_env);
}

static int change_label(const struct change *c)
{
    return change_pairs(c, set_label);
}

/* ---- Instructions -------------------------------------------------------- */

static int same_word(const char *text, size_t size, const char *upper)
{
    size_t i = 0;
    for (; i < size && upper[i]; i++)
        if ((text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]) != upper[i])
            return 0;
    return i == size && !upper[i];
}

static int is_utf8(const char *text)
{
    json_t *string = json_string(text);
    json_decref(string);
    return string != NULL;
}

int image_config_change(struct image_config *config, const char *change, struct core_diag *diag)
{
    static const struct {
        const char *name;
        int (*run)(const struct change *c);
    } rows[] = {
        {"CMD", change_cmd},         {"ENTRYPOINT", change_entrypoint},
        {"ENV", change_env},         {"EXPOSE", change_expose},
        {"LABEL", change_label},     {"STOPSIGNAL", change_stop_signal},
        {"USER", change_user},       {"VOLUME", change_volume},
        {"WORKDIR", change_workdir},
    };
    struct change c = {config, change, change, diag};
    if (!is_utf8(change))
        return refuse(&c, "is no UTF-8 text; write it in UTF-8");
    const char *name;
    size_t size = image_words_next(&c.rest, &name);
    c.rest += strspn(c.rest, " \t\r\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (same_word(name, size, rows[i].name))
            return rows[i].run(&c);
    return refuse(&c, "begins with no instruction that can be changed; use CMD, ENTRYPOINT, ENV, "
                      "EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR");
}
