/* SPDX-License-Identifier: MIT */
#ifndef LX_WAIT_H
#define LX_WAIT_H

/*
 * Ends of processes.
 *
 * Source  wait4(2), waitid(2).
 */

#define LX_P_ALL 0x0
#define LX___WINT_MIN__ 0x0
#define LX_P_PID 0x1
#define LX_WNOHANG 0x1
#define LX_P_PGID 0x2
#define LX_WSTOPPED 0x2
#define LX_WUNTRACED 0x2
#define LX_P_PIDFD 0x3
#define LX_WEXITED 0x4
#define LX_WCONTINUED 0x8
#define LX___WCHAR_WIDTH__ 0x20
#define LX___WINT_WIDTH__ 0x20
#define LX_WNOWAIT 0x1000000
#define LX___WNOTHREAD 0x20000000
#define LX___WALL 0x40000000
#define LX___WCHAR_MAX__ 0x7fffffff
#define LX___WCLONE 0x80000000u
#define LX___WINT_MAX__ 0xffffffffu
#define LX___WCHAR_MIN__ (-2147483648)

#define LX_WCOREFLAG 0x80u

#endif
