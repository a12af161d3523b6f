/* SPDX-License-Identifier: MIT */
/*
 * Shared memory: sections without a name.  The launcher keeps a handle of each, put there
 * by whoever made it: a section lives no longer than its last handle or view.  Its number there
 * is the key; who maps the section duplicates that handle for a moment.
 *
 * Source  CreateFileMapping, MapViewOfFileEx, DuplicateHandle (DUPLICATE_CLOSE_SOURCE).
 */

#include <stdatomic.h>

#include "internal.h"
#include "lx/errno.h"

HANDLE windows_keeper(uint32_t keeper)
{
    static _Atomic(HANDLE) opened;
    if (keeper == GetCurrentProcessId())
        return GetCurrentProcess();
    HANDLE process = atomic_load(&opened);
    if (process)
        return process;
    process = OpenProcess(PROCESS_DUP_HANDLE, FALSE, keeper);
    HANDLE before = NULL;
    if (!process || atomic_compare_exchange_strong(&opened, &before, process))
        return process;
    CloseHandle(process); /* another thread was faster */
    return before;
}

/* Moved here first, so that it is closed by us: not every system closes it without a target. */
void windows_keeper_close(uint32_t keeper, uint64_t key)
{
    HANDLE moved, process = windows_keeper(keeper);
    if (process && DuplicateHandle(process, (HANDLE)(uintptr_t)key, GetCurrentProcess(), &moved, 0,
                                   FALSE, DUPLICATE_CLOSE_SOURCE | DUPLICATE_SAME_ACCESS))
        CloseHandle(moved);
}

int plat_host_shared_new(uint32_t keeper, uint64_t place, uint64_t size, uint64_t *key)
{
    HANDLE kept = NULL, process = windows_keeper(keeper);
    (void)place;
    *key = 0;
    if (!process)
        return windows_error();
    HANDLE section =
        CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_EXECUTE_READWRITE | SEC_RESERVE,
                           (DWORD)(size >> 32), (DWORD)size, NULL);
    if (!section)
        return -LX_ENOMEM;
    int err = 0;
    if (!DuplicateHandle(GetCurrentProcess(), section, process, &kept, 0, FALSE,
                         DUPLICATE_SAME_ACCESS))
        err = windows_error();
    CloseHandle(section);
    *key = (uint64_t)(uintptr_t)kept;
    return err;
}

void plat_host_shared_free(uint32_t keeper, uint64_t key, uint64_t size)
{
    (void)size;
    windows_keeper_close(keeper, key);
}

/* An access that the view was not mapped with cannot be given to it later: it gets all. */
int plat_host_shared_map(uint32_t keeper, uint64_t key, uint64_t offset, uint64_t addr,
                         uint64_t size, uint32_t prot, void **out)
{
    HANDLE section;
    *out = NULL;
    if (!DuplicateHandle(windows_keeper(keeper), (HANDLE)(uintptr_t)key, GetCurrentProcess(),
                         &section, 0, FALSE, DUPLICATE_SAME_ACCESS))
        return windows_error();
    void *view =
        MapViewOfFileEx(section, FILE_MAP_READ | FILE_MAP_WRITE | FILE_MAP_EXECUTE,
                        (DWORD)(offset >> 32), (DWORD)offset, size, (void *)(uintptr_t)addr);
    int err = 0;
    if (!view)
        err = addr && GetLastError() == ERROR_INVALID_ADDRESS ? -LX_EEXIST : -LX_ENOMEM;
    CloseHandle(section);
    DWORD old;
    if (view && (!VirtualAlloc(view, size, MEM_COMMIT, PAGE_READWRITE) ||
                 !VirtualProtect(view, size, windows_prot(prot), &old))) {
        UnmapViewOfFile(view);
        view = NULL;
        err = -LX_ENOMEM;
    }
    *out = view;
    return err;
}

void plat_host_shared_unmap(void *view, uint64_t size)
{
    (void)size;
    UnmapViewOfFile(view);
}
