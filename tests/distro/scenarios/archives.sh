#!/bin/bash
# SPDX-License-Identifier: MIT
# tar, gzip, xz, bzip2 and zstd of what the image has, find | xargs -P4, sort --parallel.
set -euo pipefail
cd /usr/share
find zoneinfo common-licenses -type f 2>/dev/null | sort >/tmp/work/list
wc -l </tmp/work/list | sed 's/^/files: /'
for how in '' -z -j -J --zstd; do
    tar $how --sort=name -cf /tmp/work/a.tar -T /tmp/work/list
    mkdir /tmp/work/x
    tar -xf /tmp/work/a.tar -C /tmp/work/x
    (cd /tmp/work/x && find . -type f -printf '%P %s %m %T@\n' | sort | md5sum)
    rm -rf /tmp/work/x
done
cd /tmp/work
xargs -a list -d '\n' -P4 -n 40 sh -c 'cd /usr/share && md5sum "$@"' x | sort | md5sum
(cd /usr/share && tar -cf - -T /tmp/work/list) | gzip -9 | tee >(wc -c >size) | gunzip | tar -t | wc -l
seq 1 100000 | awk '{ print ($1 * 7919) % 100003 }' >numbers
for n in 1 2 4; do sort -n --parallel=$n -S 4M numbers | md5sum; done
sort -u -k1.2 numbers | wc -l
split -n 4 numbers part.
printf '%s\n' part.* | xargs -P4 -I{} xz -T2 -1 {}
for f in part.*.xz; do xz -dc "$f"; done | cmp - numbers
cat part.*.xz | xz -dc | md5sum
gzip -k numbers && zcat numbers.gz | tail -n 1
find /etc -xdev -type f -size -100k -print0 | sort -z | xargs -0 -P4 -n 20 cat 2>/dev/null | wc -l | sed 's/[0-9]*/n/'
grep -rlI 'root' /etc 2>/dev/null | sort | head -n 5
