#!/bin/sh
# SPDX-License-Identifier: MIT
# The musl image: busybox, dynamically linked programs, and zlib by its own example.
modules
generated
seq 1 20000 >numbers
minigzip <numbers >numbers.gz
minigzip -d <numbers.gz | cmp - numbers && echo same
zcat numbers.gz | md5sum
gzip -c numbers | minigzip -d | md5sum
for i in 1 2 3 4; do minigzip <numbers | minigzip -d | wc -l & done | sort | uniq -c
wait
tar -cf - numbers numbers.gz | tar -tf -
find / -xdev -name 'lib*' | sort
awk 'BEGIN { for (i = 0; i < 5; i++) print i * i }'
LD_PRELOAD=/no/such/library minigzip </dev/null 2>&1 | wc -c
/lib/ld-musl-x86_64.so.1 --list /bin/minigzip 2>&1 | sed 's/(.*//'
/lib/ld-musl-x86_64.so.1 /bin/generated | tail -n 1
