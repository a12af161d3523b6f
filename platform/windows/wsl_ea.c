/* SPDX-License-Identifier: MIT */
/* WSL's extended attributes, in lists of such. */

#include "wsl_ea.h"

#include <stddef.h>
#include <string.h>

#include "ea.h"

#define NAME_SIZE 6u /* of each, without a zero behind it */
#define VALUE_SIZE 4u

_Static_assert(WSL_EA_SIZE >= 3 * (EA_ENTRY_SIZE(NAME_SIZE, VALUE_SIZE) + 1), "three, aligned");
_Static_assert(WSL_EA_NAMES >= 3 * EA_NAME_ENTRY_SIZE(NAME_SIZE), "three, aligned");

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

uint32_t wsl_ea_encode(const struct wsl_ea *ea, uint32_t remove, uint8_t buf[WSL_EA_SIZE])
{
    struct ea_list list = {.bytes = buf};
    memset(buf, 0, WSL_EA_SIZE);
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t value[VALUE_SIZE];
        uint32_t number;
        if (!((ea->has | remove) & attributes[i].bit))
            continue;
        memcpy(&number, (const uint8_t *)ea + attributes[i].field, sizeof number);
        for (uint32_t k = 0; k < VALUE_SIZE; k++)
            value[k] = (uint8_t)(number >> (8 * k));
        ea_add(&list, &(struct ea){.name = attributes[i].name,
                                   .name_size = NAME_SIZE,
                                   .value = value,
                                   .value_size = ea->has & attributes[i].bit ? VALUE_SIZE : 0});
    }
    return list.size;
}

void wsl_ea_names(uint8_t buf[WSL_EA_NAMES])
{
    struct ea_list list = {.bytes = buf};
    memset(buf, 0, WSL_EA_NAMES);
    for (size_t i = 0; i < COUNT; i++)
        ea_add_name(&list, attributes[i].name, NAME_SIZE);
}

static void take(const struct ea *entry, struct wsl_ea *out)
{
    uint32_t number = 0;
    if (entry->name_size != NAME_SIZE || entry->value_size != VALUE_SIZE)
        return;
    for (uint32_t k = 0; k < VALUE_SIZE; k++)
        number |= (uint32_t)entry->value[k] << (8 * k);
    for (size_t i = 0; i < COUNT; i++) {
        if (memcmp(entry->name, attributes[i].name, NAME_SIZE) == 0) {
            memcpy((uint8_t *)out + attributes[i].field, &number, sizeof number);
            out->has |= attributes[i].bit;
        }
    }
}

void wsl_ea_decode(const uint8_t *buf, uint64_t size, struct wsl_ea *out)
{
    struct ea entry;
    uint64_t at = 0;
    *out = (struct wsl_ea){0};
    while (ea_next(buf, size, &at, &entry))
        take(&entry, out);
}
