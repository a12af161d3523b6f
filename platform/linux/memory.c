/* SPDX-License-Identifier: MIT */
/* Private memory, by mmap(2), mprotect(2) and madvise(2). */

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "lx/errno.h"

static void *pointer(uint64_t addr)
{
    return (void *)(uintptr_t)addr;
}

int linux_map_at(uint64_t addr, uint64_t size, int prot, int flags, int fd)
{
    void *got = mmap(pointer(addr), size, prot, flags | MAP_FIXED_NOREPLACE, fd, 0);
    if (got != MAP_FAILED)
        return 0;
    return errno == EPERM ? -LX_EEXIST : linux_error(); /* EPERM: below vm.mmap_min_addr */
}

int plat_host_mem_reserve(uint64_t addr, uint64_t size)
{
    return linux_map_at(addr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

void plat_host_mem_release(uint64_t addr, uint64_t size)
{
    munmap(pointer(addr), size);
}

#define PAGE_SIZE 4096u
#define SPAN_PAGES 512u
#define IN_MEMORY (3ull << 62) /* pagemap: present, or swapped out */

/* Source: Documentation/admin-guide/mm/pagemap.rst. */
void plat_host_mem_touched(uint64_t addr, uint64_t size, uint64_t *bits)
{
    static int pagemap = -1; /* a second one is left open if two threads come first together */
    uint64_t entries[SPAN_PAGES], count = size / PAGE_SIZE;
    if (pagemap < 0)
        pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    memset(bits, 0, (count + 63) / 64 * 8);
    for (uint64_t done = 0; done < count;) {
        uint64_t part = count - done < SPAN_PAGES ? count - done : SPAN_PAGES;
        off_t at = (off_t)((addr / PAGE_SIZE + done) * sizeof *entries);
        int known = pread(pagemap, entries, part * sizeof *entries, at) ==
                    (ssize_t)(part * sizeof *entries);
        for (uint64_t i = 0; i < part; i++, done++)
            bits[done / 64] |= (uint64_t)(!known || entries[i] & IN_MEMORY) << done % 64;
    }
}

/* Pages that are near each other are asked for at once. */
uint64_t plat_host_mem_resident(const uint64_t *pages, uint32_t count)
{
    uint64_t resident = 0, bits[SPAN_PAGES / 64];
    for (uint32_t i = 0, first; i < count;) {
        for (first = i; i < count && (pages[i] - pages[first]) / PAGE_SIZE < SPAN_PAGES; i++)
            ;
        plat_host_mem_touched(pages[first], pages[i - 1] - pages[first] + PAGE_SIZE, bits);
        for (uint32_t j = first; j < i; j++) {
            uint64_t n = (pages[j] - pages[first]) / PAGE_SIZE;
            resident |= (bits[n / 64] >> n % 64 & 1) << j;
        }
    }
    return resident;
}

/* Linux 5.14; before, pages come one by one.  What is there already costs hardly less, so look. */
void plat_host_mem_populate(uint64_t addr, uint64_t size, uint32_t access)
{
    const uint64_t ends[] = {addr, addr + size - PAGE_SIZE};
    if (plat_host_mem_resident(ends, 2) == 3)
        return;
    madvise(pointer(addr), size, access & PLAT_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}

void plat_host_mem_flush_code(uint64_t addr, uint64_t size)
{
    (void)addr, (void)size;
}

/* mmap(2) chooses from the top of the address space, far above the guest's windows. */
int plat_host_pages_new(uint64_t size, void **out)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *out = pages == MAP_FAILED ? NULL : pages;
    return *out ? 0 : linux_error();
}

void plat_host_pages_free(void *pages, uint64_t size)
{
    if (pages)
        munmap(pages, size);
}
