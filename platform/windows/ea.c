/* SPDX-License-Identifier: MIT */
/* Extended attributes as bytes: encoding and decoding, with nothing of the host's. */

#include "ea.h"

#include <string.h>

/* FILE_FULL_EA_INFORMATION: where its fields are; name, zero and value follow. */
#define FULL_NAME_SIZE 5u
#define FULL_VALUE_SIZE 6u
#define FULL_NAME 8u

/* FILE_GET_EA_INFORMATION */
#define GET_NAME_SIZE 4u
#define GET_NAME 5u

static void put(uint8_t *at, uint32_t value, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get(const uint8_t *at, uint32_t size)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < size; i++)
        value |= (uint32_t)at[i] << (8 * i);
    return value;
}

/* Begin an entry, at a multiple of 4; the one before it tells where. */
static uint8_t *add_entry(struct ea_list *list, uint32_t size)
{
    uint32_t at = (list->size + 3) & ~3u;
    if (list->size)
        put(list->bytes + list->last, at - list->last, 4);
    list->last = at;
    list->size = at + size;
    return list->bytes + at;
}

void ea_add(struct ea_list *list, const struct ea *ea)
{
    uint8_t *entry = add_entry(list, EA_ENTRY_SIZE(ea->name_size, ea->value_size));
    entry[FULL_NAME_SIZE] = (uint8_t)ea->name_size;
    put(entry + FULL_VALUE_SIZE, ea->value_size, 2);
    memcpy(entry + FULL_NAME, ea->name, ea->name_size);
    if (ea->value_size)
        memcpy(entry + FULL_NAME + ea->name_size + 1, ea->value, ea->value_size);
}

void ea_add_name(struct ea_list *list, const char *name, uint32_t name_size)
{
    uint8_t *entry = add_entry(list, EA_NAME_ENTRY_SIZE(name_size));
    entry[GET_NAME_SIZE] = (uint8_t)name_size;
    memcpy(entry + GET_NAME, name, name_size);
}

int ea_next(const uint8_t *list, uint64_t size, uint64_t *at, struct ea *out)
{
    if (*at > size || size - *at < FULL_NAME)
        return 0;
    const uint8_t *entry = list + *at;
    uint32_t next = get(entry, 4);
    *out = (struct ea){.name = (const char *)entry + FULL_NAME,
                       .value = entry + FULL_NAME + entry[FULL_NAME_SIZE] + 1,
                       .name_size = entry[FULL_NAME_SIZE],
                       .value_size = get(entry + FULL_VALUE_SIZE, 2)};
    if (size - *at < EA_ENTRY_SIZE((uint64_t)out->name_size, out->value_size))
        return 0;
    *at = next ? *at + next : size + 1;
    return 1;
}

/* ---- Names ---- */

#define CLASS "user."
#define CLASS_SIZE (sizeof CLASS - 1)
#define PREFIX "TARBOX."
#define PREFIX_SIZE (sizeof PREFIX - 1)

static const char digits[] = "0123456789ABCDEF";

static int is_plain(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

uint32_t ea_name_of_user(const char *name, char out[EA_NAME_MAX])
{
    uint32_t size = PREFIX_SIZE;
    memcpy(out, PREFIX, PREFIX_SIZE);
    for (const char *c = name + CLASS_SIZE; *c; c++) {
        if (size + 3 > EA_NAME_MAX)
            return 0;
        if (*c >= 'a' && *c <= 'z') {
            out[size++] = (char)(*c - 'a' + 'A');
        } else if (is_plain(*c)) {
            out[size++] = *c;
        } else {
            out[size++] = '%';
            out[size++] = digits[(uint8_t)*c >> 4];
            out[size++] = digits[*c & 15];
        }
    }
    return size;
}

/* The value of two digits; 0: they are none. */
static uint8_t escaped(const char *text, uint32_t size)
{
    const char *high = size >= 2 ? memchr(digits, text[0], 16) : NULL;
    const char *low = high ? memchr(digits, text[1], 16) : NULL;
    return low ? (uint8_t)((high - digits) * 16 + (low - digits)) : 0;
}

uint32_t ea_user_of_name(const struct ea *ea, char out[EA_NAME_MAX])
{
    uint32_t size = CLASS_SIZE;
    if (ea->name_size <= PREFIX_SIZE || ea->name_size > EA_NAME_MAX || !ea->value_size ||
        memcmp(ea->name, PREFIX, PREFIX_SIZE) != 0)
        return 0;
    memcpy(out, CLASS, CLASS_SIZE);
    for (uint32_t i = PREFIX_SIZE; i < ea->name_size; i++) {
        char c = ea->name[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        } else if (c == '%') {
            c = (char)escaped(ea->name + i + 1, ea->name_size - i - 1);
            i += 2;
        } else if (!is_plain(c)) {
            return 0;
        }
        if (!c)
            return 0;
        out[size++] = c;
    }
    out[size++] = 0;
    return size;
}
