/* SPDX-License-Identifier: MIT */
/* Where an image's name ends and a path in it begins. */

#include "reference.h"

#include <ctype.h>
#include <string.h>

static int has_drive(const char *argument)
{
    return isalpha((unsigned char)argument[0]) && argument[1] == ':' &&
           (!argument[2] || argument[2] == '/' || argument[2] == '\\');
}

size_t cmd_reference_size(const char *argument, int explicit)
{
    int drive = has_drive(argument);
    if (!explicit && (drive || (argument[0] && strchr("./\\", argument[0]))))
        return 0;
    const char *from = argument + (drive ? 2 : 0), *colon = strstr(from, ":/");
    if (!colon)
        colon = strrchr(from, ':');
    return colon ? (size_t)(colon - argument) : 0;
}
