/* SPDX-License-Identifier: MIT */
#ifndef SHIM_CRED_H
#define SHIM_CRED_H

/*
 * Credentials: who a process is and what it may do.  A container's root has the
 * capabilities that docker gives it, others have none.
 *
 * Differs from Linux: the threads of a process share one set, which is how every C
 * library shows it; what a raw call changes in one thread changes in all.
 *
 * Source  credentials(7), capabilities(7), execve(2), kill(2); security/commoncap.c.
 * Threads struct shim_process.cred is changed with its process's lock held; single words
 *         of it are read without.
 * Errors  0, else -LX_E*.
 */

#include <stdint.h>

#include "lx/capability.h"
#include "lx/compiler.h"

struct shim_process;
struct shim_task;
struct vfs_groups;
struct vfs_path;

struct shim_cred {
    uint32_t uid, euid, suid, fsuid;
    uint32_t gid, egid, sgid, fsgid;
    uint64_t permitted, effective, inheritable, bounding, ambient; /* bits LX_CAP_BIT() */
    uint32_t securebits;                                           /* LX_SECBIT_* */
    uint32_t secure;           /* AT_SECURE: the program was given more than its caller had */
    struct vfs_groups *groups; /* the process's reference; NULL: none */
};

/* What docker gives root: chown .. setpcap, net_bind_service, net_raw .. setfcap. */
#define SHIM_CAPABILITIES 0xa80425fbull

/* Be root of a container, as it is without --cap-add and the like. */
void shim_cred_init(struct shim_cred *cred);

/*
 * Be a user from the start, as docker run --user has it.
 *   groups        the reference is moved; NULL: none.
 *   capabilities  of root; others have none of them, but may get them by a program's.
 */
void shim_cred_become(struct shim_process *p, uint32_t uid, uint32_t gid, struct vfs_groups *groups,
                      uint64_t capabilities);

/*
 * fork(2): the child has the parent's credentials, limits and what prctl(2) hands on.  The
 * child's `fs` is there already, or the caller publishes later.
 */
void shim_cred_copy(struct shim_process *child, struct shim_process *parent);

/* Drop what the process holds; it is the end of it. */
void shim_cred_free(struct shim_process *p);

/* 1 if the capability is effective. */
int shim_process_capable(const struct shim_process *p, uint32_t capability);
int shim_capable(const struct shim_task *t, uint32_t capability);

/*
 * Take `next` for the process's credentials; its lock is held.  As commit_creds() in Linux:
 * who changes is no longer dumpable and gets no signal at his parent's death.
 */
void shim_cred_commit_locked(struct shim_process *p, const struct shim_cred *next);

/*
 * What user ids in `next`, which were those of `old`, do to its capabilities.
 *   fs  1: setfsuid(2), else the others.
 */
void shim_cred_fix_uids(struct shim_cred *next, const struct shim_cred *old, int fs);

/* Credentials that a program will have.  Private to the two functions below. */
struct shim_cred_exec {
    struct shim_cred cred;
    uint32_t set_id;   /* the file's mode changed a user or group */
    uint32_t readable; /* by its caller */
};

/*
 * execve(2): what the program in `exe` runs as.  Changes nothing yet: to be called once the
 * program was found and opened.
 *   exe      borrowed: the file that is loaded, so of a script its interpreter.
 *   returns  -LX_EPERM: file capabilities that the caller's bounding set lacks;
 *            -LX_EINVAL: damaged ones.
 */
MUST_USE int shim_cred_exec(struct shim_task *t, const struct vfs_path *exe,
                            struct shim_cred_exec *next);

/* Run as that; where execve(2) can no longer fail, before the stack is built. */
void shim_cred_exec_commit(struct shim_task *t, const struct shim_cred_exec *next);

/* May `from` send a signal to `to`?  kill(2); 0 or -LX_EPERM.  Both stay while it looks. */
MUST_USE int shim_cred_may_signal(const struct shim_process *from, const struct shim_process *to,
                                  int32_t sig);

#endif
