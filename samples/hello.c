/* SPDX-License-Identifier: MIT */
/* The smallest sample: a line on stdout. */

#include <stdio.h>

int main(void)
{
    puts("Hello from Linux.");
    return 0;
}
