/* SPDX-License-Identifier: MIT */
/* For LD_PRELOAD: getuid() says 4711, and write() is passed on. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

uid_t geteuid(void)
{
    return 4711;
}

ssize_t write(int fd, const void *buf, size_t size)
{
    static ssize_t (*next)(int, const void *, size_t);
    if (!next)
        next = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return next(fd, buf, size);
}
