/* SPDX-License-Identifier: MIT */
/*
 * UTF-16 to UTF-8 and back, strictly.  Names on Windows may hold halves of surrogate
 * pairs; those are encoded like any other code point (WTF-8), so that every name has one
 * form in UTF-8 and comes back as it was.  MultiByteToWideChar() would replace them.
 *
 * Source  The Unicode Standard, table 3-7; https://simonsapin.github.io/wtf-8/
 */

#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define HIGH_FIRST 0xd800u
#define LOW_FIRST 0xdc00u
#define LOW_LAST 0xdfffu
#define CODE_POINT_LAST 0x10ffffu

static int is_high(uint32_t c)
{
    return c >= HIGH_FIRST && c < LOW_FIRST;
}

static int is_low(uint32_t c)
{
    return c >= LOW_FIRST && c <= LOW_LAST;
}

/* Take one code point; 0 bytes if these are none. */
static size_t decode(const uint8_t *bytes, uint32_t *out)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = bytes[0] < 0x80             ? 1
                  : (bytes[0] & 0xe0) == 0xc0 ? 2
                  : (bytes[0] & 0xf0) == 0xe0 ? 3
                  : (bytes[0] & 0xf8) == 0xf0 ? 4
                                              : 0;
    if (size == 0)
        return 0;
    uint32_t c = size == 1 ? bytes[0] : bytes[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80) /* also the end of the text */
            return 0;
        c = c << 6 | (bytes[i] & 0x3f);
    }
    *out = c;
    return c >= smallest[size] && c <= CODE_POINT_LAST ? size : 0;
}

wchar_t *windows_wide(const char *utf8)
{
    const uint8_t *bytes = (const uint8_t *)utf8;
    wchar_t *wide = malloc((strlen(utf8) + 1) * sizeof *wide); /* a byte gives one unit at most */
    size_t n = 0;
    if (!wide) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    while (*bytes) {
        uint32_t c;
        size_t size = decode(bytes, &c);
        /* Two halves that make a pair have a form of their own. */
        if (!size || (is_low(c) && n && is_high(wide[n - 1]))) {
            free(wide);
            SetLastError(ERROR_NO_UNICODE_TRANSLATION);
            return NULL;
        }
        bytes += size;
        if (c > 0xffff) {
            wide[n++] = (wchar_t)(HIGH_FIRST + ((c - 0x10000) >> 10));
            wide[n++] = (wchar_t)(LOW_FIRST + (c & 0x3ff));
        } else {
            wide[n++] = (wchar_t)c;
        }
    }
    wide[n] = 0;
    return wide;
}

static size_t encode(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00u >> size & 0xff) | c);
    return size;
}

char *windows_utf8_of(const wchar_t *units, size_t count, size_t *size)
{
    char *utf8 = malloc(3 * count + 1); /* a unit gives three bytes at most, a pair four */
    *size = 0;
    if (!utf8) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t c = units[i];
        if (is_high(c) && i + 1 < count && is_low(units[i + 1]))
            c = 0x10000 + ((c - HIGH_FIRST) << 10) + (units[++i] - LOW_FIRST);
        *size += encode(c, utf8 + *size);
    }
    utf8[*size] = 0;
    return utf8;
}

char *windows_utf8(const wchar_t *wide)
{
    size_t size;
    return windows_utf8_of(wide, wcslen(wide), &size);
}
