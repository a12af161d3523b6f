#!/bin/sh
# SPDX-License-Identifier: MIT
# git: init, add, commit, log, clone, branches, merges, gc and fsck of a few hundred commits.
set -eu
export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e HOME=/tmp/work
git config --global init.defaultBranch main
git config --global advice.detachedHead false
git init -q one
cd one
n=0
while [ $n -lt 60 ]; do
    n=$((n + 1))
    export GIT_AUTHOR_DATE="$((1700000000 + n * 60)) +0000" GIT_COMMITTER_DATE="$((1700000000 + n * 60)) +0000"
    mkdir -p "d$((n % 7))"
    seq $n $((n + 200)) >"d$((n % 7))/f$n"
    git add -A
    git commit -q -m "commit $n"
done
git log --oneline | head -n 3
git rev-parse HEAD
git checkout -q -b topic HEAD~20
echo topic >topic
git add topic
git commit -q -m topic
git checkout -q main
git merge -q -m merged topic
git rev-parse HEAD
git diff --stat HEAD~5 | tail -n 1
cd ..
git clone -q one two
git clone -q --bare one three.git
git clone -q --depth 3 "file://$PWD/one" four
git -C four log --oneline | wc -l
cd two
echo more >>d1/f1
git commit -q -a -m 'from two'
git push -q ../three.git main
git -C ../three.git rev-parse main
cd ../one
git pull -q ../three.git main
git rev-parse HEAD
git gc -q
git fsck --full --strict
git count-objects -v | grep -E '^(count|in-pack|packs)'
git repack -a -d -f -q
git fsck
git bisect start -q HEAD HEAD~30 >/dev/null
git bisect run sh -c 'test ! -e d3/f52' >bisect.log 2>&1 || true
grep -c 'is the first bad commit' bisect.log
git bisect reset -q
git archive HEAD | tar -t | wc -l
git stash list | wc -l
git grep -c 137 | sort | head -n 3
