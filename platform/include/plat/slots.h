/* SPDX-License-Identifier: MIT */
#ifndef PLAT_SLOTS_H
#define PLAT_SLOTS_H

/*
 * The per-thread slots that patched guest code and the entry stub reach
 * through %gs, as displacements from GS base.  Also included by assembly.
 *
 * Windows keeps GS base on the TEB; its 64 TLS slots start at gs:0x1480, and
 * the platform takes the eight highest (56 to 63) at start.  On Linux the
 * platform points GS base so that the same displacements fall into the
 * thread's own block.  So one patched image serves both hosts, and every
 * process, unchanged.
 *
 * Source  https://learn.microsoft.com/windows/win32/procthread/thread-local-storage
 */

#define PLAT_GS_SLOT(n) (0x1480 + 8 * (n))

#define PLAT_GS_FIRST_SLOT 56
#define PLAT_GS_SLOT_COUNT 8

#define PLAT_GS_ENTRY PLAT_GS_SLOT(56)    /* address of plat_entry_syscall */
#define PLAT_GS_THREAD PLAT_GS_SLOT(57)   /* struct plat_thread of this thread */
#define PLAT_GS_TP PLAT_GS_SLOT(58)       /* the guest's FS base (thread pointer) */
#define PLAT_GS_CANARY PLAT_GS_SLOT(59)   /* mirror of the guest's %fs:0x28 */
#define PLAT_GS_RESUME PLAT_GS_SLOT(60)   /* where plat_resume() jumps last */
#define PLAT_GS_SCRATCH0 PLAT_GS_SLOT(61) /* a register, inside a trampoline */
#define PLAT_GS_SCRATCH1 PLAT_GS_SLOT(62) /* a register, inside a trampoline */

#endif
