/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_LINUX_FILE_H
#define PLATFORM_LINUX_FILE_H

/* An open host file. */
struct plat_file {
    int fd;
};

#endif
