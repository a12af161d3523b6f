/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_LINUX_FILE_H
#define PLATFORM_LINUX_FILE_H

/* What the files about files share. */

#include <dirent.h>
#include <sys/stat.h>

#include "plat/plat.h"

/* An open host file. */
struct plat_file {
    int fd;
};

/* The file object of a descriptor, which it owns from now on, also on failure. */
MUST_USE int linux_file_new(int fd, struct plat_file **out);

/* The same for a directory that is to be read. */
MUST_USE int linux_directory_new(int fd, struct plat_directory **out);

struct plat_stat linux_stat_of(const struct stat *st);
enum plat_file_type linux_type_of(mode_t mode);

#endif
