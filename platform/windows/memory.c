/* SPDX-License-Identifier: MIT */
/* Private memory: VirtualAlloc and its kin. */

#include "internal.h"

#include <psapi.h>
#include <string.h>

#include "lx/errno.h"

DWORD windows_prot(uint32_t prot)
{
    static const DWORD protections[] = {
        PAGE_NOACCESS,     PAGE_READONLY,     PAGE_READWRITE,         PAGE_READWRITE,
        PAGE_EXECUTE_READ, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_READWRITE,
    };
    return protections[prot & 7];
}

static void *pointer(uint64_t addr)
{
    return (void *)(uintptr_t)addr;
}

int plat_host_mem_reserve(uint64_t addr, uint64_t size)
{
    if (VirtualAlloc(pointer(addr), size, MEM_RESERVE, PAGE_NOACCESS))
        return 0;
    return GetLastError() == ERROR_NOT_ENOUGH_MEMORY ? -LX_ENOMEM : -LX_EEXIST;
}

void plat_host_mem_release(uint64_t addr, uint64_t size)
{
    (void)size;
    VirtualFree(pointer(addr), 0, MEM_RELEASE);
}

int plat_host_mem_commit(uint64_t addr, uint64_t size, uint32_t prot)
{
    if (!VirtualAlloc(pointer(addr), size, MEM_COMMIT, windows_prot(prot)))
        return -LX_ENOMEM;
    return 0;
}

void plat_host_mem_decommit(uint64_t addr, uint64_t size)
{
    VirtualFree(pointer(addr), size, MEM_DECOMMIT);
}

/* A protection that a view of a file was not mapped with is an "invalid parameter". */
int plat_host_mem_protect(uint64_t addr, uint64_t size, uint32_t prot)
{
    DWORD old;
    if (VirtualProtect(pointer(addr), size, windows_prot(prot), &old))
        return 0;
    return GetLastError() == ERROR_INVALID_PARAMETER ? -LX_EACCES : windows_error();
}

int plat_host_mem_clean(uint64_t addr, uint64_t size, uint32_t prot)
{
    plat_host_mem_decommit(addr, size);
    return plat_host_mem_commit(addr, size, prot);
}

/* All that the pages may ever be: a protection beyond the view's own is refused. */
int plat_host_copy_map(struct plat_file *f, uint64_t offset, uint64_t addr, uint64_t size)
{
    HANDLE section = CreateFileMappingW(f->handle, NULL, PAGE_EXECUTE_WRITECOPY, 0, 0, NULL);
    if (!section)
        return windows_error();
    int err = 0;
    if (!MapViewOfFileEx(section, FILE_MAP_COPY | FILE_MAP_EXECUTE, (DWORD)(offset >> 32),
                         (DWORD)offset, size, pointer(addr)))
        err = GetLastError() == ERROR_INVALID_ADDRESS ? -LX_EEXIST : -LX_ENOMEM;
    CloseHandle(section); /* the view keeps it */
    if (err == 0 && plat_host_copy_protect(addr, size, PLAT_READ) < 0) {
        UnmapViewOfFile(pointer(addr));
        err = -LX_ENOMEM;
    }
    return err;
}

void plat_host_copy_unmap(uint64_t addr, uint64_t size)
{
    (void)size;
    UnmapViewOfFile(pointer(addr));
}

int plat_host_copy_protect(uint64_t addr, uint64_t size, uint32_t prot)
{
    static const DWORD protections[] = {
        PAGE_NOACCESS,     PAGE_READONLY,     PAGE_WRITECOPY,         PAGE_WRITECOPY,
        PAGE_EXECUTE_READ, PAGE_EXECUTE_READ, PAGE_EXECUTE_WRITECOPY, PAGE_EXECUTE_WRITECOPY,
    };
    DWORD old;
    return VirtualProtect(pointer(addr), size, protections[prot & 7], &old) ? 0 : windows_error();
}

/*
 * QueryWorkingSetEx() knows what is in memory now, and a page that Windows has trimmed is not; so
 * the pages themselves have to tell.
 */
void plat_host_mem_touched(uint64_t addr, uint64_t size, uint64_t *bits)
{
    (void)addr;
    memset(bits, 0xff, (size / 4096 + 63) / 64 * 8);
}

uint64_t plat_host_mem_resident(const uint64_t *pages, uint32_t count)
{
    PSAPI_WORKING_SET_EX_INFORMATION info[PLAT_RESIDENT_MAX];
    uint64_t resident = 0;
    for (uint32_t i = 0; i < count; i++)
        info[i].VirtualAddress = pointer(pages[i]);
    if (!QueryWorkingSetEx(GetCurrentProcess(), info, count * (DWORD)sizeof info[0]))
        return 0;
    for (uint32_t i = 0; i < count; i++)
        resident |= (uint64_t)info[i].VirtualAttributes.Valid << i;
    return resident;
}

/* PrefetchVirtualMemory() is for what is in files: memory that was never used has no such call. */
void plat_host_mem_populate(uint64_t addr, uint64_t size, uint32_t access)
{
    (void)addr, (void)size, (void)access;
}

void plat_host_mem_flush_code(uint64_t addr, uint64_t size)
{
    FlushInstructionCache(GetCurrentProcess(), pointer(addr), size);
}

int plat_host_pages_new(uint64_t size, void **out)
{
    /* From the top: the guest's windows are below. */
    *out = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT | MEM_TOP_DOWN, PAGE_READWRITE);
    return *out ? 0 : -LX_ENOMEM;
}

void plat_host_pages_free(void *pages, uint64_t size)
{
    (void)size;
    if (pages)
        VirtualFree(pages, 0, MEM_RELEASE);
}

void plat_host_memory_info(uint64_t *total, uint64_t *available)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};
    GlobalMemoryStatusEx(&status);
    *total = status.ullTotalPhys;
    if (available)
        *available = status.ullAvailPhys;
}
