/* SPDX-License-Identifier: MIT */
#ifndef VFS_SYS_H
#define VFS_SYS_H

/*
 * /sys and the control group's files, as an unprivileged container sees them: read-only.
 * Names and attributes are here; contents come from the provider, one in each guest host.
 *
 * Source   sysfs(5), Documentation/ABI of Linux 6.12, its Documentation/admin-guide/cgroup-v2.rst.
 * Threads  any.  The provider is called with no lock held but LOCK_MADE_FILE.
 * Errors   0 or -LX_E*: -LX_EROFS for whatever changes something.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct vfs_fs;
struct vfs_text;

enum vfs_sys_what {
    VFS_SYS_ROOT,   /* of sysfs */
    VFS_SYS_CGROUP, /* of cgroup 2: the container's own group */
#define X(dir, name, mode, what) VFS_SYS_##what,
#define LINK(dir, name, what, target) VFS_SYS_##what,
#define NUMBERED(dir, name, mode, what, target) VFS_SYS_##what,
#include "vfs/sys.def"
#undef X
#undef LINK
#undef NUMBERED
    VFS_SYS_COUNT,
};

/*
 * Make a file's text.
 *   cpu      the processor it is about, if it is about one.
 *   returns  -LX_EINVAL: what it should say does not exist.
 */
typedef int (*vfs_sys_render)(enum vfs_sys_what what, uint32_t cpu, struct vfs_text *t);

/* Set this process's provider, before its first guest thread runs. */
void vfs_sys_set_provider(vfs_sys_render render);

/* Mount sysfs on /sys, which is made if it is missing, and cgroup 2 in it; once per container. */
MUST_USE int vfs_sys_mount(struct vfs_fs *fs);

#endif
