/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_MOUNT_SPEC_H
#define RUNNER_MOUNT_SPEC_H

/*
 * What the user writes to have something mounted, as docker has it:
 *
 *   -v       HOST:GUEST[:OPTION,...]
 *   --tmpfs  GUEST[:OPTION,...]
 *   --mount  type=bind|tmpfs,KEY=VALUE,...
 *
 * Source  docker run, "-v", "--tmpfs", "--mount"; docs/volumes.md.
 * Threads any.
 * Errors  -LX_E*, with a sentence in `diag`.
 */

#include <stdint.h>

#include "core/diag.h"
#include "lx/compiler.h"

enum mount_kind { MOUNT_FOLDER, MOUNT_TMPFS };

struct mount_spec {
    enum mount_kind kind;
    char at[4096];  /* absolute guest path, without superfluous parts */
    uint32_t flags; /* VFS_MOUNT_* */

    char host[4096];     /* MOUNT_FOLDER: a folder or file of the host */
    uint32_t must_exist; /* likewise: 0: it is made if it is missing */

    uint64_t size, inodes; /* MOUNT_TMPFS: see struct vfs_tmpfs_options */
    uint32_t mode, uid, gid;
};

MUST_USE int mount_spec_volume(const char *text, struct mount_spec *out, struct core_diag *diag);
MUST_USE int mount_spec_tmpfs(const char *text, struct mount_spec *out, struct core_diag *diag);
MUST_USE int mount_spec_mount(const char *text, struct mount_spec *out, struct core_diag *diag);

#endif
