/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_WINDOWS_WSL_EA_H
#define PLATFORM_WINDOWS_WSL_EA_H

/*
 * Owner and mode of a file in its extended attributes, as WSL has them there: $LXUID, $LXGID and
 * $LXMOD, each a number of 32 bits, little-endian; the mode with the file's type.
 *
 * Source   "File permissions for WSL" (learn.microsoft.com/windows/wsl/file-permissions).
 * Threads  any; nothing is kept.
 */

#include <stdint.h>

/* Which of them: the bits of FILE_STAT_LX_INFORMATION.LxFlags, too. */
#define WSL_EA_UID 1u
#define WSL_EA_GID 2u
#define WSL_EA_MODE 4u
#define WSL_EA_ALL 7u

struct wsl_ea {
    uint32_t has; /* WSL_EA_* */
    uint32_t uid, gid, mode;
};

#define WSL_EA_SIZE 60u  /* bytes that wsl_ea_encode() needs at most */
#define WSL_EA_NAMES 36u /* bytes of wsl_ea_names() */

/*
 * What NtSetEaFile() and NtCreateFile() take.
 *   remove   WSL_EA_*: those to be taken away, not in ea->has.
 *   buf      aligned to 4.
 *   returns  the bytes used; 0: there is nothing to do.
 */
uint32_t wsl_ea_encode(const struct wsl_ea *ea, uint32_t remove, uint8_t buf[WSL_EA_SIZE]);

/* The list of all names for NtQueryEaFile(); `buf` is aligned to 4. */
void wsl_ea_names(uint8_t buf[WSL_EA_NAMES]);

/*
 * What NtQueryEaFile() gave.  Attributes of other names or sizes do not count, nor does what
 * comes after an entry that does not fit into `size`.
 */
void wsl_ea_decode(const uint8_t *buf, uint64_t size, struct wsl_ea *out);

#endif
