/* SPDX-License-Identifier: MIT */
/* System call numbers that mean nothing: ENOSYS. */

#include <sys/syscall.h>

#include "guest.h"

int main(void)
{
    /* Above the newest number that any kernel has today; 337 to 423 were never given out. */
    static const long numbers[] = {337, 400, 423, 600, 1000, 4096, 65535, 0x7fffffff, -1, -4095};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        CHECK_ERROR(syscall(numbers[i], 1, 2, 3, 4, 5, 6), ENOSYS);

    /* Removed long ago, or never there on x86-64. */
    static const long removed[] = {156, 174, 177, 178, 180, 181, 182, 183,
                                   184, 185, 205, 211, 214, 215, 236};
    for (size_t i = 0; i < sizeof removed / sizeof *removed; i++)
        CHECK_ERROR(syscall(removed[i], 0, 0, 0, 0, 0, 0), ENOSYS);
    return guest_result();
}
