/* SPDX-License-Identifier: MIT */
/* Prints what a program is given: arguments, working directory and environment. */

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    char directory[PATH_MAX];

    for (int i = 0; i < argc; i++)
        printf("argv[%d] = %s\n", i, argv[i]);
    if (!getcwd(directory, sizeof directory)) {
        perror("getcwd");
        return 1;
    }
    printf("cwd = %s\n", directory);
    for (char **entry = environ; *entry; entry++)
        printf("env %s\n", *entry);
    return 0;
}
