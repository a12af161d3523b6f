/* SPDX-License-Identifier: MIT */
/* WSL's extended attributes: encoding and decoding, with nothing of the host's. */

#include "wsl_ea.h"

#include <stddef.h>
#include <string.h>

#define NAME_SIZE 6u /* of each, without the zero behind it */
#define VALUE_SIZE 4u

/* FILE_FULL_EA_INFORMATION: where its fields are; name, zero and value follow. */
#define FULL_FLAGS 4u
#define FULL_NAME_SIZE 5u
#define FULL_VALUE_SIZE 6u
#define FULL_NAME 8u

/* FILE_GET_EA_INFORMATION */
#define GET_NAME_SIZE 4u
#define GET_NAME 5u

static const struct {
    uint32_t bit;
    char name[NAME_SIZE + 1];
    size_t field;
} attributes[] = {
    {WSL_EA_UID, "$LXUID", offsetof(struct wsl_ea, uid)},
    {WSL_EA_GID, "$LXGID", offsetof(struct wsl_ea, gid)},
    {WSL_EA_MODE, "$LXMOD", offsetof(struct wsl_ea, mode)},
};
#define COUNT (sizeof attributes / sizeof attributes[0])

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

/* Entries begin at multiples of 4. */
static uint32_t aligned(uint32_t size)
{
    return (size + 3) & ~3u;
}

uint32_t wsl_ea_encode(const struct wsl_ea *ea, uint32_t remove, uint8_t buf[WSL_EA_SIZE])
{
    uint32_t used = 0;
    uint8_t *last = NULL;
    memset(buf, 0, WSL_EA_SIZE);
    for (size_t i = 0; i < COUNT; i++) {
        uint32_t value, size = ea->has & attributes[i].bit ? VALUE_SIZE : 0; /* 0 removes */
        if (!((ea->has | remove) & attributes[i].bit))
            continue;
        uint8_t *entry = buf + aligned(used);
        if (last)
            put(last, (uint32_t)(entry - last), 4);
        last = entry;
        entry[FULL_NAME_SIZE] = NAME_SIZE;
        put(entry + FULL_VALUE_SIZE, size, 2);
        memcpy(entry + FULL_NAME, attributes[i].name, NAME_SIZE + 1);
        memcpy(&value, (const uint8_t *)ea + attributes[i].field, sizeof value);
        put(entry + FULL_NAME + NAME_SIZE + 1, value, size);
        used = (uint32_t)(entry - buf) + FULL_NAME + NAME_SIZE + 1 + size;
    }
    return used;
}

void wsl_ea_names(uint8_t buf[WSL_EA_NAMES])
{
    const uint32_t size = aligned(GET_NAME + NAME_SIZE + 1);
    memset(buf, 0, WSL_EA_NAMES);
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t *entry = buf + i * size;
        put(entry, i + 1 < COUNT ? size : 0, 4);
        entry[GET_NAME_SIZE] = NAME_SIZE;
        memcpy(entry + GET_NAME, attributes[i].name, NAME_SIZE + 1);
    }
}

static void take(const uint8_t *name, const uint8_t *value, struct wsl_ea *out)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (memcmp(name, attributes[i].name, NAME_SIZE + 1) == 0) {
            uint32_t number = get(value, VALUE_SIZE);
            memcpy((uint8_t *)out + attributes[i].field, &number, sizeof number);
            out->has |= attributes[i].bit;
        }
    }
}

void wsl_ea_decode(const uint8_t *buf, uint64_t size, struct wsl_ea *out)
{
    uint64_t at = 0, next;
    *out = (struct wsl_ea){0};
    do {
        if (size - at < FULL_NAME)
            return;
        const uint8_t *entry = buf + at;
        uint32_t name_size = entry[FULL_NAME_SIZE], value_size = get(entry + FULL_VALUE_SIZE, 2);
        next = get(entry, 4);
        if (size - at - FULL_NAME < (uint64_t)name_size + 1 + value_size)
            return;
        if (name_size == NAME_SIZE && value_size == VALUE_SIZE)
            take(entry + FULL_NAME, entry + FULL_NAME + NAME_SIZE + 1, out);
        at += next;
    } while (next && at <= size);
}
