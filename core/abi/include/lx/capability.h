/* SPDX-License-Identifier: MIT */
#ifndef LX_CAPABILITY_H
#define LX_CAPABILITY_H

/*
 * Capabilities and secure bits.
 *
 * Source  linux/capability.h, linux/securebits.h, capabilities(7), capget(2).
 */

#include <stdint.h>

#define LX_CAP_CHOWN 0
#define LX_CAP_DAC_OVERRIDE 1
#define LX_CAP_DAC_READ_SEARCH 2
#define LX_CAP_FOWNER 3
#define LX_CAP_FSETID 4
#define LX_CAP_KILL 5
#define LX_CAP_SETGID 6
#define LX_CAP_SETUID 7
#define LX_CAP_SETPCAP 8
#define LX_CAP_LINUX_IMMUTABLE 9
#define LX_CAP_NET_BIND_SERVICE 10
#define LX_CAP_NET_RAW 13
#define LX_CAP_IPC_LOCK 14
#define LX_CAP_SYS_CHROOT 18
#define LX_CAP_SYS_PTRACE 19
#define LX_CAP_SYS_ADMIN 21
#define LX_CAP_SYS_NICE 23
#define LX_CAP_SYS_RESOURCE 24
#define LX_CAP_MKNOD 27
#define LX_CAP_AUDIT_WRITE 29
#define LX_CAP_SETFCAP 31
#define LX_CAP_MAC_OVERRIDE 32
#define LX_CAP_LAST 40

#define LX_CAP_BIT(cap) (1ull << (cap))
#define LX_CAP_ALL (LX_CAP_BIT(LX_CAP_LAST + 1) - 1)

/* prctl(PR_SET_SECUREBITS); each is followed by the bit that locks it. */
#define LX_SECBIT_NOROOT 0x01u
#define LX_SECBIT_NO_SETUID_FIXUP 0x04u
#define LX_SECBIT_KEEP_CAPS 0x10u
#define LX_SECBIT_KEEP_CAPS_LOCKED 0x20u
#define LX_SECBIT_NO_CAP_AMBIENT_RAISE 0x40u
#define LX_SECURE_ALL_BITS 0x55u
#define LX_SECURE_ALL_LOCKS (LX_SECURE_ALL_BITS << 1)

/* capget(2) */
#define LX_CAPABILITY_VERSION_1 0x19980330u
#define LX_CAPABILITY_VERSION_2 0x20071026u
#define LX_CAPABILITY_VERSION_3 0x20080522u

struct lx_cap_header {
    uint32_t version;
    int32_t pid;
};

struct lx_cap_data {
    uint32_t effective, permitted, inheritable;
};

/* The attribute security.capability of a file. */
#define LX_XATTR_NAME_CAPS "security.capability"
#define LX_VFS_CAP_REVISION_MASK 0xff000000u
#define LX_VFS_CAP_REVISION_1 0x01000000u
#define LX_VFS_CAP_REVISION_2 0x02000000u
#define LX_VFS_CAP_REVISION_3 0x03000000u
#define LX_VFS_CAP_FLAGS_EFFECTIVE 1u

struct lx_vfs_cap_data {
    uint32_t magic_etc;
    struct {
        uint32_t permitted, inheritable;
    } data[2];       /* revision 1 has one */
    uint32_t rootid; /* revision 3 only */
};
_Static_assert(sizeof(struct lx_vfs_cap_data) == 24, "ABI");

#endif
