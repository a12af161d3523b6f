/* SPDX-License-Identifier: MIT */
#ifndef LX_FUTEX_H
#define LX_FUTEX_H

/*
 * Futexes.
 *
 * Source  futex(2), get_robust_list(2).
 */

#include <stdint.h>

#define LX_FUTEX_OP_CMP_EQ 0x0
#define LX_FUTEX_OP_SET 0x0
#define LX_FUTEX_WAIT 0x0
#define LX_FUTEX_OP_ADD 0x1
#define LX_FUTEX_OP_CMP_NE 0x1
#define LX_FUTEX_WAKE 0x1
#define LX_FUTEX_32 0x2
#define LX_FUTEX_FD 0x2
#define LX_FUTEX_OP_CMP_LT 0x2
#define LX_FUTEX_OP_OR 0x2
#define LX_FUTEX_OP_ANDN 0x3
#define LX_FUTEX_OP_CMP_LE 0x3
#define LX_FUTEX_REQUEUE 0x3
#define LX_FUTEX_CMP_REQUEUE 0x4
#define LX_FUTEX_OP_CMP_GT 0x4
#define LX_FUTEX_OP_XOR 0x4
#define LX_FUTEX_OP_CMP_GE 0x5
#define LX_FUTEX_WAKE_OP 0x5
#define LX_FUTEX_LOCK_PI 0x6
#define LX_FUTEX_UNLOCK_PI 0x7
#define LX_FUTEX_OP_OPARG_SHIFT 0x8
#define LX_FUTEX_TRYLOCK_PI 0x8
#define LX_FUTEX_WAIT_BITSET 0x9
#define LX_FUTEX_WAKE_BITSET 0xa
#define LX_FUTEX_WAIT_REQUEUE_PI 0xb
#define LX_FUTEX_CMP_REQUEUE_PI 0xc
#define LX_FUTEX_LOCK_PI2 0xd
#define LX_FUTEX_PRIVATE_FLAG 0x80
#define LX_FUTEX_WAITV_MAX 0x80
#define LX_FUTEX_CLOCK_REALTIME 0x100
#define LX_FUTEX_TID_MASK 0x3fffffff
#define LX_FUTEX_OWNER_DIED 0x40000000
#define LX_FUTEX_WAITERS 0x80000000u
#define LX_FUTEX_BITSET_MATCH_ANY 0xffffffffu
#define LX_FUTEX_CMD_MASK (-385)

struct lx_robust_list_head {
    uint64_t list;        /* address of the first entry, circular */
    int64_t futex_offset; /* from an entry to its futex word */
    uint64_t list_op_pending;
};
_Static_assert(sizeof(struct lx_robust_list_head) == 24, "ABI");

/* futex_waitv(2) and the calls for one operation each */
#define LX_FUTEX2_SIZE_U8 0x0
#define LX_FUTEX2_SIZE_U16 0x1
#define LX_FUTEX2_SIZE_U32 0x2
#define LX_FUTEX2_SIZE_U64 0x3
#define LX_FUTEX2_SIZE_MASK 0x3
#define LX_FUTEX2_PRIVATE 0x80

struct lx_futex_waitv {
    uint64_t val, uaddr;
    uint32_t flags, reserved;
};
_Static_assert(sizeof(struct lx_futex_waitv) == 24, "ABI");

#endif
