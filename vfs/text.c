/* SPDX-License-Identifier: MIT */
/* Texts that grow. */

#include "vfs/text.h"

#include <stdarg.h>

#include "core/arena.h"
#include "core/mem.h"

#define FIRST_CAPACITY 1024u

static int make_room(struct vfs_text *t, uint64_t size)
{
    if (t->failed)
        return 0;
    if (t->capacity - t->size >= size)
        return 1;
    uint64_t capacity = t->capacity ? t->capacity : FIRST_CAPACITY;
    while (capacity - t->size < size)
        capacity *= 2;
    char *data = core_arena_alloc(capacity);
    if (!data) {
        t->failed = 1;
        return 0;
    }
    if (t->size)
        memcpy(data, t->data, t->size);
    core_arena_free(t->data, t->capacity);
    t->data = data;
    t->capacity = capacity;
    return 1;
}

void vfs_text_free(struct vfs_text *t)
{
    core_arena_free(t->data, t->capacity);
    memset(t, 0, sizeof *t);
}

void vfs_text_add(struct vfs_text *t, const void *bytes, uint64_t size)
{
    if (!size || !make_room(t, size))
        return;
    memcpy(t->data + t->size, bytes, size);
    t->size += size;
}

static void pad(struct vfs_text *t, char with, uint64_t count)
{
    while (count--)
        vfs_text_add(t, &with, 1);
}

void vfs_text_path(struct vfs_text *t, const char *path, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        char c = path[i];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\\')
            vfs_text_f(t, "\\%03o", (unsigned)c);
        else
            vfs_text_add(t, &c, 1);
    }
}

struct field {
    int left, zero, is_long, capital;
    uint64_t width, precision;
};

static void put_field(struct vfs_text *t, const struct field *f, const char *text, uint64_t size)
{
    uint64_t fill = f->width > size ? f->width - size : 0;
    if (!f->left)
        pad(t, f->zero ? '0' : ' ', fill);
    vfs_text_add(t, text, size);
    if (f->left)
        pad(t, ' ', fill);
}

static void put_number(struct vfs_text *t, const struct field *f, uint64_t value, uint32_t base,
                       int negative)
{
    char digits[24], *p = digits + sizeof digits;
    do
        *--p = (f->capital ? "0123456789ABCDEF" : "0123456789abcdef")[value % base];
    while (value /= base);
    if (negative)
        *--p = '-';
    put_field(t, f, p, (uint64_t)(digits + sizeof digits - p));
}

static const char *parse_field(struct field *f, const char *p, va_list *args)
{
    *f = (struct field){.precision = UINT64_MAX};
    for (;; p++) {
        if (*p == '-')
            f->left = 1;
        else if (*p == '0')
            f->zero = 1;
        else
            break;
    }
    if (*p == '*') {
        f->width = (uint32_t)va_arg(*args, int);
        p++;
    }
    while (*p >= '0' && *p <= '9')
        f->width = f->width * 10 + (uint64_t)(*p++ - '0');
    if (*p == '.') {
        f->precision = 0;
        for (p++; *p >= '0' && *p <= '9'; p++)
            f->precision = f->precision * 10 + (uint64_t)(*p - '0');
    }
    if (p[0] == 'l' && p[1] == 'l') {
        f->is_long = 1;
        p += 2;
    }
    return p;
}

static void put_argument(struct vfs_text *t, struct field *f, char kind, va_list *args)
{
    if (kind == 'X') {
        f->capital = 1;
        kind = 'x';
    }
    switch (kind) {
    case 'd': {
        int64_t value = f->is_long ? va_arg(*args, long long) : va_arg(*args, int);
        put_number(t, f, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, value < 0);
        break;
    }
    case 'u':
    case 'x':
    case 'o': {
        uint64_t value = f->is_long ? va_arg(*args, unsigned long long) : va_arg(*args, unsigned);
        put_number(t, f, value, kind == 'u' ? 10 : kind == 'x' ? 16 : 8, 0);
        break;
    }
    case 'c': {
        char c = (char)va_arg(*args, int);
        put_field(t, f, &c, 1);
        break;
    }
    case 's': {
        const char *s = va_arg(*args, const char *);
        uint64_t size = 0;
        while (size < f->precision && s[size])
            size++;
        put_field(t, f, s, size);
        break;
    }
    default: /* "%%" */
        vfs_text_add(t, &kind, 1);
        break;
    }
}

void vfs_text_f(struct vfs_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (const char *p = format; *p; p++) {
        const char *begin = p;
        while (*p && *p != '%')
            p++;
        vfs_text_add(t, begin, (uint64_t)(p - begin));
        if (!*p)
            break;
        struct field f;
        p = parse_field(&f, p + 1, &args);
        put_argument(t, &f, *p, &args);
    }
    va_end(args);
}
