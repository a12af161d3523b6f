/* SPDX-License-Identifier: MIT */
#ifndef LX_POLL_H
#define LX_POLL_H

/*
 * poll(2), epoll(7), eventfd(2), select(2).
 *
 * Source  their man pages; asm-generic/poll.h, linux/eventpoll.h.
 */

#include <stdint.h>

#include "lx/compiler.h"

/* poll(2) */
#define LX_POLLIN 0x1
#define LX_POLLPRI 0x2
#define LX_POLLOUT 0x4
#define LX_POLLERR 0x8
#define LX_POLLHUP 0x10
#define LX_POLLNVAL 0x20
#define LX_POLLRDNORM 0x40
#define LX_POLLRDBAND 0x80
#define LX_POLLWRNORM 0x100
#define LX_POLLWRBAND 0x200
#define LX_POLLMSG 0x400
#define LX_POLLRDHUP 0x2000

/* epoll_ctl(2) */
#define LX_EPOLL_CTL_ADD 1
#define LX_EPOLL_CTL_DEL 2
#define LX_EPOLL_CTL_MOD 3

#define LX_EPOLLIN 0x1u
#define LX_EPOLLPRI 0x2u
#define LX_EPOLLOUT 0x4u
#define LX_EPOLLERR 0x8u
#define LX_EPOLLHUP 0x10u
#define LX_EPOLLRDNORM 0x40u
#define LX_EPOLLRDBAND 0x80u
#define LX_EPOLLWRNORM 0x100u
#define LX_EPOLLWRBAND 0x200u
#define LX_EPOLLMSG 0x400u
#define LX_EPOLLRDHUP 0x2000u
#define LX_EPOLLEXCLUSIVE 0x10000000u
#define LX_EPOLLWAKEUP 0x20000000u
#define LX_EPOLLONESHOT 0x40000000u
#define LX_EPOLLET 0x80000000u
#define LX_EPOLL_CLOEXEC 02000000

#define LX_EFD_SEMAPHORE 1
#define LX_EFD_NONBLOCK 04000
#define LX_EFD_CLOEXEC 02000000

struct lx_pollfd {
    int32_t fd;
    int16_t events, revents;
};

/* Packed on x86-64 only. */
struct PACKED lx_epoll_event {
    uint32_t events;
    uint64_t data;
};
_Static_assert(sizeof(struct lx_epoll_event) == 12, "ABI");

/* select(2) */
#define LX_FD_SETSIZE 1024

#endif
