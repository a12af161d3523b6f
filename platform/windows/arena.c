/* SPDX-License-Identifier: MIT */
/*
 * The arena and the segments: sections backed by the paging file, of which only
 * what is committed counts.  The arena's handle is inherited; a segment is opened
 * by name by whoever touches it first, and kept open while the process lives.  Whoever makes one
 * puts a handle into its keeper, too: what is in it outlives the process.
 */

#include "internal.h"
#include "lx/errno.h"

static HANDLE g_segments[PLAT_SEGMENT_MAX]; /* opened sections; written once each, see keep() */

static HANDLE section_new(const wchar_t *name, uint64_t size)
{
    return CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE,
                              (DWORD)(size >> 32), (DWORD)size, name);
}

static int map_arena(uint64_t addr, uint64_t size)
{
    if (MapViewOfFileEx(g_windows.arena, FILE_MAP_ALL_ACCESS, 0, 0, size, (void *)(uintptr_t)addr))
        return 0;
    return GetLastError() == ERROR_INVALID_ADDRESS ? -LX_EEXIST : windows_error();
}

int plat_host_arena_create(uint64_t addr, uint64_t size)
{
    plat_host_random(g_windows.container, sizeof g_windows.container);
    g_windows.arena = section_new(NULL, size);
    if (!g_windows.arena)
        return windows_error();
    int err = map_arena(addr, size);
    if (err < 0) {
        CloseHandle(g_windows.arena);
        g_windows.arena = NULL;
    }
    return err;
}

int plat_host_arena_attach(uint64_t addr, uint64_t size)
{
    return g_windows.arena ? map_arena(addr, size) : -LX_EINVAL;
}

int plat_host_arena_commit(uint64_t addr, uint64_t size)
{
    if (!VirtualAlloc((void *)(uintptr_t)addr, size, MEM_COMMIT, PAGE_READWRITE))
        return -LX_ENOMEM;
    return 0;
}

/* The first one to open it stays; returns the handle to use. */
static HANDLE keep(uint32_t index, HANDLE section)
{
    HANDLE before = InterlockedCompareExchangePointer(&g_segments[index], section, NULL);
    if (!before)
        return section;
    CloseHandle(section);
    return before;
}

/* A handle in the keeper, to stay there as long as that lives. */
static int give(HANDLE section, uint32_t keeper)
{
    HANDLE kept, process = windows_keeper(keeper);
    return process && DuplicateHandle(GetCurrentProcess(), section, process, &kept, 0, FALSE,
                                      DUPLICATE_SAME_ACCESS)
               ? 0
               : -LX_ENOMEM;
}

int plat_host_segment_map(uint32_t index, uint32_t keeper, void **out)
{
    *out = NULL;
    if (index >= PLAT_SEGMENT_MAX)
        return -LX_ENOMEM;
    HANDLE section = g_segments[index];
    if (!section) {
        wchar_t name[96];
        windows_object_name(name, L's', index);
        SetLastError(ERROR_SUCCESS);
        section = section_new(name, PLAT_SEGMENT_SIZE);
        if (!section)
            return -LX_ENOMEM;
        int is_new = GetLastError() != ERROR_ALREADY_EXISTS;
        if (is_new && keeper != GetCurrentProcessId() && give(section, keeper) < 0) {
            CloseHandle(section);
            return -LX_ENOMEM;
        }
        section = keep(index, section);
    }
    *out = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, PLAT_SEGMENT_SIZE);
    return *out ? 0 : -LX_ENOMEM;
}

void plat_host_segment_unmap(uint32_t index, void *view)
{
    (void)index;
    UnmapViewOfFile(view);
}

int plat_host_segment_commit(uint32_t index, void *view, uint64_t size)
{
    (void)index;
    return VirtualAlloc(view, size, MEM_COMMIT, PAGE_READWRITE) ? 0 : -LX_ENOMEM;
}

/* Sections give nothing back but as a whole: the pages are used again. */
void plat_host_segment_discard(uint32_t index, void *view, uint64_t offset, uint64_t size)
{
    (void)index, (void)view, (void)offset, (void)size;
}
