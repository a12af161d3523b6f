/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_WINDOWS_EA_H
#define PLATFORM_WINDOWS_EA_H

/*
 * Lists of extended attributes as NtQueryEaFile(), NtSetEaFile() and NtCreateFile() have them.
 *
 * Source   [MS-FSCC] 2.4.15, FILE_FULL_EA_INFORMATION, and 2.4.15.1, FILE_GET_EA_INFORMATION.
 * Threads  any; nothing is kept.
 */

#include <stdint.h>

#define EA_NAME_MAX 254u   /* bytes */
#define EA_SIZE_MAX 65535u /* bytes of all attributes of a file, without what aligns them */

/* Bytes of a list's last entry; those before it take up to 3 more. */
#define EA_ENTRY_SIZE(name_size, value_size) (9u + (name_size) + (value_size))
#define EA_NAME_ENTRY_SIZE(name_size) (6u + (name_size))

struct ea {
    const char *name;     /* not terminated; NTFS gives it in capitals */
    const uint8_t *value; /* as the name, in the list */
    uint32_t name_size, value_size;
};

/* A list that grows, in `bytes`, aligned to 4 and zeroed; the rest is 0 at first. */
struct ea_list {
    uint8_t *bytes;
    uint32_t size; /* bytes used */
    uint32_t last; /* where the last entry is */
};

/* Add an attribute, for which there is room; one of no bytes is to be removed. */
void ea_add(struct ea_list *list, const struct ea *ea);

/* Add a name to a list of names, of those that are asked for. */
void ea_add_name(struct ea_list *list, const char *name, uint32_t name_size);

/*
 * The next attribute of a list.
 *   at       where it is, 0 at first; moved on, beyond `size` after the last.
 *   returns  1; 0: no more, or what follows does not fit into `size`.
 */
int ea_next(const uint8_t *list, uint64_t size, uint64_t *at, struct ea *out);

/*
 * The attribute that stands for a Linux one, "user.NAME": "TARBOX.NAME" in capitals, with %XX for
 * what is no small letter, digit, '.', '_' or '-'.  Its value has a byte in front, since Windows
 * has no attributes of no bytes.
 *   returns  the size; 0: too long.
 */
uint32_t ea_name_of_user(const char *name, char out[EA_NAME_MAX]);

/* The other way, with the zero at its end; 0: it stands for none. */
uint32_t ea_user_of_name(const struct ea *ea, char out[EA_NAME_MAX]);

#endif
