/* SPDX-License-Identifier: MIT */
#ifndef SHIM_PROC_H
#define SHIM_PROC_H

/*
 * What /proc (vfs/proc.h) and /sys (vfs/sys.h) show: the shim is their provider.
 *
 * Of other processes only what lies in the arena is read, never their memory.
 *
 * Source  proc(5); Linux 6.12's fs/proc.
 * Threads any guest thread.
 */

/* Become this guest host's provider; before its first guest thread runs. */
void shim_proc_init(void);

#endif
