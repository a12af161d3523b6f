/* SPDX-License-Identifier: MIT */
#ifndef SHIM_MEMORY_H
#define SHIM_MEMORY_H

/*
 * A process's address space: memory areas (VMAs) over host memory that is
 * reserved in chunks when it is first needed.
 *
 * An area with PROT_NONE has no host memory.  Private file mappings are copies.
 * Memory that becomes executable is scanned and patched first.
 *
 * Source  mmap(2), mprotect(2), mremap(2), brk(2), madvise(2).
 * Threads any; the address space locks itself (LOCK_MEMORY).
 * Errors  an address, else -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"

struct plat_regs;
struct shim_exec_error;
struct shim_host;
struct shim_mm;
struct shim_rewrite_input;
struct shim_task;
struct vfs_file;
struct vfs_image_key;

MUST_USE int shim_mm_new(struct shim_mm **out);

/*
 * One more process that uses the address space, or one fewer: the last one frees it, with its
 * memory in this guest host.  NULL is ignored.
 */
struct shim_mm *shim_mm_get(struct shim_mm *mm);
void shim_mm_put(struct shim_mm *mm);

/* 1 if it maps a file that keeps a mount busy, for umount(2). */
int shim_mm_uses_mounts(struct shim_mm *mm);
uint32_t shim_mm_users(const struct shim_mm *mm);

/*
 * A process is about to give up its address space: if it is the last one, what that shows of
 * shared memory and files is unmapped.  Once others see the process's end, they may do with a file
 * what a host refuses while it is mapped.  NULL is ignored.
 */
void shim_mm_end_views(struct shim_mm *mm);

/*
 * The guest host that had its memory is gone.  NULL is ignored.
 *   returns  0 if that was in the middle of something: nobody may touch it any more.
 */
MUST_USE int shim_mm_lose(struct shim_mm *mm);

/*
 * A copy of the calling task's address space for fork(2), in two steps: this guest host writes
 * down the areas and the contents of touched pages, the child's takes them.  Other threads run no
 * guest code meanwhile.  What lies below the task's stack pointer and red zone is dead.
 *   to       the child's guest host: what it has kept is not copied.
 *   copy     to be received, or dropped.
 *   returns  -LX_ENOMEM.
 */
struct shim_mm_copy;
MUST_USE int shim_mm_fork(struct shim_task *t, const struct shim_host *to, struct shim_mm **child,
                          struct shim_mm_copy **copy);
MUST_USE int shim_mm_receive(struct shim_mm *mm, struct shim_mm_copy *copy);
void shim_mm_copy_free(struct shim_mm_copy *copy); /* NULL is ignored */

/*
 * Map memory as mmap(2) does.
 *   file     borrowed, or NULL for anonymous memory.
 *   returns  the address, or the errors of mmap(2).
 */
MUST_USE int64_t shim_mm_map(struct shim_mm *mm, lx_uptr addr, uint64_t size, uint32_t prot,
                             uint32_t flags, struct vfs_file *file, uint64_t offset);
MUST_USE int shim_mm_unmap(struct shim_mm *mm, lx_uptr addr, uint64_t size);
MUST_USE int shim_mm_protect(struct shim_mm *mm, lx_uptr addr, uint64_t size, uint32_t prot);
MUST_USE int64_t shim_mm_remap(struct shim_mm *mm, lx_uptr addr, uint64_t old_size,
                               uint64_t new_size, uint32_t flags, lx_uptr new_addr);
MUST_USE int64_t shim_mm_brk(struct shim_mm *mm, lx_uptr addr);
MUST_USE int shim_mm_advise(struct shim_mm *mm, lx_uptr addr, uint64_t size, int32_t advice);

/* Set where brk(2)'s memory begins: the end of the program's image. */
void shim_mm_set_brk(struct shim_mm *mm, lx_uptr base);

/*
 * The same for code that needs no scanning: it is ours, or has been patched.
 *   text     says which program it is an unchanged part of, if it is not writable; 0: of none.
 */
MUST_USE int shim_mm_protect_patched(struct shim_mm *mm, lx_uptr addr, uint64_t size, uint32_t prot,
                                     uint64_t text);

/*
 * A program's text that this guest host has kept from the last process: is it there, and map it.
 *   returns  -LX_ENOENT: it is not.
 */
int shim_mm_has_text(lx_uptr begin, lx_uptr end, uint64_t text);
MUST_USE int shim_mm_map_text(struct shim_mm *mm, lx_uptr begin, lx_uptr end, uint32_t prot,
                              uint64_t text);

/* Which program's text is in the address space: a number for shim_mm_map_text(), or 0. */
uint64_t shim_mm_program(const struct shim_mm *mm);
void shim_mm_set_program(struct shim_mm *mm, uint64_t program);

/* The process is about to begin: give back what was kept and has not been used. */
void shim_mm_begin(void);

/* The guest host has been idle for a while: give back what is large. */
void shim_mm_rest(void);

/*
 * Map a program, or a loader, from its memory image, patched.
 *   key, addr  of its content, and where it was loaded when it was patched first.
 *   at         where it lies now.
 *   returns    -LX_ENOENT: it has none, and is to be loaded from its file; -LX_ENOMEM.
 */
struct elf_plan;
MUST_USE int shim_mm_map_program(struct shim_mm *mm, const struct vfs_image_key *key, lx_uptr addr,
                                 const struct elf_plan *plan, lx_uptr *at);

/*
 * Patch a program that was loaded, writable, and map its trampolines behind it.
 *   key      of its content, under which its patch table is kept; NULL: it is not.
 *   in       where it is, and what of it is code and data.
 *   id       of the program for shim_mm_map_text(), or 0.
 *   is_here  1: its code was mapped so, patched, and its trampolines can be.
 *   limit    end of all that was mapped.
 *   returns  -LX_ENOEXEC: a system call that cannot be patched; `error` names it.
 */
MUST_USE int shim_mm_patch_program(struct shim_mm *mm, const struct vfs_image_key *key,
                                   const struct shim_rewrite_input *in, uint64_t id, int is_here,
                                   uint64_t *limit, struct shim_exec_error *error);

/*
 * 1 if some code in the address space has accesses to thread-local storage that were not
 * rewritten: its threads run in PLAT_FS_GUEST.
 */
int shim_mm_needs_fs(const struct shim_mm *mm);

/* 1 and the bytes of trampolines that a program needs, if its table is kept; else 0. */
int shim_mm_trampolines(const struct vfs_image_key *key, lx_uptr begin, uint64_t *span);

/*
 * Mappings of files show the pages that their files have, whatever changes those (vfs/mapping.h).
 * _refit_here(): the interrupter of a guest host does what others have found to do in it; 0: it is
 * to try again soon, for somebody has the lock.
 */
void shim_mm_mappings_init(void);
void shim_mm_mappings_apply(struct shim_task *t);
MUST_USE int shim_mm_refit_here(void);

/*
 * What is at an address that has faulted, after such a refit, for a host may have changed a file.
 *   seen     the task's: changes that it has seen at its last fault.
 *   returns  1: something has changed, so the access is to be tried again; 0: memory, with another
 *            protection; -LX_ENOMEM: nothing; -LX_EIO: a mapping of a file, behind the file's end.
 */
MUST_USE int shim_mm_fault(struct shim_mm *mm, lx_uptr addr, uint64_t *seen);

/*
 * The first piece of a shared mapping of a file in [*begin, *end), which becomes that: one that the
 * host has mapped in one.
 *   returns  the file, a reference; NULL: there is none.
 */
struct vfs_file *shim_mm_next_file(struct shim_mm *mm, lx_uptr *begin, lx_uptr *end);

/* 1 if there is no hole in [begin, end). */
int shim_mm_is_mapped(struct shim_mm *mm, lx_uptr begin, lx_uptr end);

/*
 * What identifies a futex to all who can wait on it, if FUTEX_PRIVATE_FLAG is not given: the
 * object and the place in it where it is shared, else the address space and the address.
 *   returns  -LX_EFAULT: nothing is mapped there.
 */
MUST_USE int shim_mm_futex_key(struct shim_mm *mm, lx_uptr addr, uint64_t key[2]);

/* One area, for /proc/PID/maps. */
struct shim_mm_area {
    lx_uptr begin, end;
    struct vfs_file *file; /* borrowed, or NULL */
    uint64_t offset;
    uint32_t prot; /* PLAT_READ .. */
    uint32_t is_shared, is_heap;
};

/* Call for each area, by address, with the address space locked. */
void shim_mm_list(struct shim_mm *mm, void (*put)(void *arg, const struct shim_mm_area *area),
                  void *arg);

/* Bytes mapped, and bytes with host memory. */
void shim_mm_usage(struct shim_mm *mm, uint64_t *mapped, uint64_t *committed);

/* The most bytes that had host memory at once. */
uint64_t shim_mm_peak(struct shim_mm *mm);

/* Where the address a trampoline belongs to came from; `addr` itself if it is in none. */
lx_uptr shim_mm_original_rip(struct shim_mm *mm, lx_uptr addr);

/*
 * The calling thread was interrupted at regs->rip: move it out of the middle of patched code,
 * to where the two below know the place and the program would have these registers.
 */
void shim_mm_settle(struct shim_mm *mm, struct plat_regs *regs);

/* Where a stray jump into a patched instruction goes on, or 0 if it is none. */
lx_uptr shim_mm_stray_rip(struct shim_mm *mm, lx_uptr addr);

/*
 * What RLIMIT_AS and RLIMIT_DATA count: bytes mapped, and those that are private and writable.
 * Without the stack, which Linux counts as it grows and we map whole.
 */
void shim_mm_sizes(struct shim_mm *mm, uint64_t *all, uint64_t *data);

#endif
