/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_RUN_H
#define RUNNER_RUN_H

/*
 * One container, from its image to its exit code: imports, sets up the arena,
 * starts the guest host, passes signals on, waits.
 *
 * Source  containers: docker run, "Exit status"; the process model is
 *         docs/decisions/0001-two-processes.md.
 * Threads call from the main thread, once per process.
 * Errors  an exit code and a sentence in `diag`.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "image/image.h"
#include "image/import.h"
#include "lx/compiler.h"

/* Exit codes of ours; others are the guest's, or 128 + the signal that ended it. */
#define RUNNER_EXIT_FAILED 125         /* our own failure */
#define RUNNER_EXIT_NOT_EXECUTABLE 126 /* the program was found but cannot be run */
#define RUNNER_EXIT_NOT_FOUND 127      /* the program was not found */

/* Most processes and threads at once, if the user says nothing: as podman's. */
#define RUNNER_PIDS_LIMIT 2048

/* Bytes of /dev/shm, if the user says nothing: as docker's. */
#define RUNNER_SHM_SIZE (64ull << 20)

/* A resource limit, see getrlimit(2). */
struct runner_ulimit {
    uint32_t resource; /* LX_RLIMIT_* */
    uint64_t soft, hard;
};

struct runner_options {
    const char *image; /* a name or id, or the path of an archive, a folder or a program */
    const char *root;  /* folder of the store, or NULL: where it usually is */
    int ephemeral;     /* use no store: import into files that vanish */
    struct image_options import;
    const char *entrypoint;     /* or NULL: the image's; "" is none */
    const char *const *command; /* NULL-terminated; empty: the image's */
    const char *const *env;     /* NULL-terminated "K=V", in order; the last of a name counts */
    const char *name;           /* of a container that is kept, or NULL */
    const char *const *volumes; /* NULL-terminated "HOST:GUEST[:OPTIONS]" */
    const char *const *tmpfs;   /* NULL-terminated "GUEST[:OPTIONS]" */
    const char *const *mounts;  /* NULL-terminated "type=TYPE,KEY=VALUE.." */
    int read_only;              /* nothing in the root file system may be changed */
    uint64_t shm_size;          /* bytes of /dev/shm */
    uint64_t storage_size;      /* bytes of all that is written; 0: half of the machine's memory */
    const char *workdir;        /* or NULL: the image's */
    const char *user;           /* "NAME|UID[:GROUP|GID]", or NULL: the image's */
    const char *const *groups;  /* NULL-terminated "NAME|GID": more groups of the user's */
    const char *hostname;       /* at most 64 bytes, or NULL: one is made up */
    uint32_t pids_limit;        /* most processes and threads at once; 0: no limit */
    const struct runner_ulimit *ulimits; /* `ulimit_count`; the last of a resource counts */
    size_t ulimit_count;
    uint64_t added_capabilities; /* sets of LX_CAP_BIT(), against docker's; LX_CAP_ALL is "ALL" */
    uint64_t dropped_capabilities;
    int privileged; /* all capabilities, whatever else is said */
    int strace;     /* print system calls on stderr */
    int stats;      /* print what the run cost on stderr */
};

/*
 * Open what options->image calls an image, as a run would: a name or id of the store, an
 * archive (imported if the store has not got it), a folder, or a single program.
 *   out      owned by the caller: image_close() it.
 *   returns  -LX_E*.
 */
MUST_USE int runner_open_image(const struct runner_options *options, struct image *out,
                               struct core_diag *diag);

/* The private argument that makes this executable a guest host; its number follows. */
#define RUNNER_GUEST_ARGUMENT "--tarbox-guest-host"

/*
 * Run a container to its end.
 *   diag     what failed when the code is 125, 126 or 127 and it is not the guest's
 *            own code; else empty.
 *   returns  the exit code for the user.
 */
MUST_USE int runner_run(const struct runner_options *options, struct core_diag *diag);

/* Be a guest host: attach to the launcher's arena and run its program. */
NORETURN void runner_guest_main(const char *argument);

#endif
