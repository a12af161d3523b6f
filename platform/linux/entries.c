/* SPDX-License-Identifier: MIT */
/*
 * Links, attributes and names of what is on the host's disk.
 *
 * Source  symlink(2), link(2), lchown(2), chmod(2), utimensat(2).
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define NS_PER_S 1000000000ll

int plat_host_path_symlink(const char *target, const char *path, int to_directory)
{
    (void)to_directory;
    return symlink(target, path) < 0 ? linux_error() : 0;
}

int plat_host_path_link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0) < 0 ? linux_error() : 0;
}

int plat_host_path_set_owner(const char *path, uint32_t uid, uint32_t gid)
{
    return lchown(path, uid, gid) < 0 ? linux_error() : 0;
}

/* Links have no mode of their own here, and fchmodat(2) would change what they lead to. */
int plat_host_path_set_mode(const char *path, uint32_t mode)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return linux_error();
    if (S_ISLNK(st.st_mode))
        return 0;
    return chmod(path, mode & 07777) < 0 ? linux_error() : 0;
}

int plat_host_path_set_mtime(const char *path, int64_t mtime_ns)
{
    int64_t seconds = mtime_ns / NS_PER_S, ns = mtime_ns % NS_PER_S;
    if (ns < 0) {
        ns += NS_PER_S;
        seconds--;
    }
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds, .tv_nsec = ns}};
    return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0 ? linux_error() : 0;
}

int plat_host_path_is_separator(char c)
{
    return c == '/';
}

const char *plat_host_name_problem(const char *name)
{
    (void)name;
    return NULL;
}

int plat_host_name_compare(const char *a, const char *b)
{
    return strcmp(a, b);
}
