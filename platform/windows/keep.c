/* SPDX-License-Identifier: MIT */
/*
 * Files that processes share.  The launcher keeps a duplicate of each handle, put there by
 * whoever opened the file; its number there is the key.
 *
 * Source  DuplicateHandle (DUPLICATE_CLOSE_SOURCE).
 */

#include "internal.h"
#include "lx/errno.h"

int plat_host_keeper_start(void)
{
    return 0; /* the launcher has nothing to do for it */
}

int plat_host_file_keep(uint32_t keeper, struct plat_file *f, uint64_t *key)
{
    HANDLE kept = NULL, process = windows_keeper(keeper);
    *key = 0;
    if (!process || !DuplicateHandle(GetCurrentProcess(), f->handle, process, &kept, 0, FALSE,
                                     DUPLICATE_SAME_ACCESS))
        return windows_error();
    *key = (uint64_t)(uintptr_t)kept;
    return 0;
}

int plat_host_file_fetch(uint32_t keeper, uint64_t key, struct plat_file **out)
{
    HANDLE handle, process = windows_keeper(keeper);
    *out = NULL;
    if (!process || !DuplicateHandle(process, (HANDLE)(uintptr_t)key, GetCurrentProcess(), &handle,
                                     0, FALSE, DUPLICATE_SAME_ACCESS))
        return windows_error();
    int err = windows_file_new(handle, out);
    if (err == 0)
        (*out)->volume.notes = WINDOWS_NOTES_UNKNOWN; /* it is of a folder for guests */
    return err;
}

void plat_host_file_forget(uint32_t keeper, uint64_t key)
{
    windows_keeper_close(keeper, key);
}
