/* SPDX-License-Identifier: MIT */
/* Sizes as people write them. */

#include "core/size.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

int core_size_parse(const char *text, uint64_t *out)
{
    static const char units[] = "kmgt";
    char *end;
    *out = 0;
    if (!isdigit((unsigned char)*text))
        return -LX_EINVAL;
    unsigned long long value = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
    if (unit)
        end++;
    if (tolower((unsigned char)*end) == 'b')
        end++;
    if (*end || value == ULLONG_MAX) /* it is too large */
        return -LX_EINVAL;
    for (const char *u = units; unit && u <= unit; u++) {
        if (value > UINT64_MAX / 1024)
            return -LX_EINVAL;
        value *= 1024;
    }
    *out = value;
    return 0;
}
