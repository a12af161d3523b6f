/* SPDX-License-Identifier: MIT */
/* A library with much data, for pages.c: some with values, some of zeros, a constant table. */

#include <unistd.h>

#define SIZE 65536

__attribute__((aligned(4096))) unsigned char data_filled[SIZE] = {[0 ... SIZE - 1] = 7};
__attribute__((aligned(4096))) unsigned char data_empty[SIZE];
const unsigned char data_constant[SIZE] = {[0 ... SIZE - 1] = 9};

long data_sum(void)
{
    long sum = getpid() ? 0 : 1; /* a system call, so that its text is patched */
    for (int i = 0; i < SIZE; i++)
        sum += data_filled[i] + data_empty[i] + data_constant[i];
    return sum;
}
