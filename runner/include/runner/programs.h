/* SPDX-License-Identifier: MIT */
#ifndef RUNNER_PROGRAMS_H
#define RUNNER_PROGRAMS_H

/*
 * What is kept of the programs and libraries of an image that have run.
 *
 * Source  shim/patches.h.
 * Errors  none: what is damaged shows as nothing.
 */

#include <stdint.h>

struct image;

struct runner_program {
    const char *path; /* one of its paths, for the time of the call */
    uint32_t system_calls, system_calls_unpatched;
    uint32_t thread_local, thread_local_unpatched; /* accesses through %fs */
    int has_memory_image;                          /* later runs map it instead of copying it */
};

void runner_each_program(const struct image *image,
                         void (*each)(void *arg, const struct runner_program *program), void *arg);

#endif
