/* SPDX-License-Identifier: MIT */
/* Linked to sqlite's own test programs: MAPPED in the environment lets sqlite map its databases. */

#include <sqlite3.h>
#include <stdlib.h>

__attribute__((constructor)) static void map_databases(void)
{
    sqlite3_int64 size = 1 << 28;
    if (getenv("MAPPED") && sqlite3_config(SQLITE_CONFIG_MMAP_SIZE, size, size) != SQLITE_OK)
        abort();
}
