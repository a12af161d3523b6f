#!/bin/bash
# SPDX-License-Identifier: MIT
# sqlite3: 100,000 rows in a transaction, one of which is killed in the middle, in both journal modes.
set -u
for mode in delete wal; do
    db=$mode.db
    sqlite3 $db "pragma journal_mode = $mode; create table t (a integer primary key, b text, c real);"
    { echo 'begin;'; seq 100000 | sed "s/.*/insert into t values (&, 'row &', & * 0.5);/"; echo 'commit;'; } | sqlite3 $db
    sqlite3 $db 'select count(*), sum(a), avg(c), max(b) from t; create index i on t (b); select a from t where b = "row 4711";'
    mkfifo commands
    sqlite3 $db <commands &
    exec 3>commands
    echo 'pragma cache_size = 10; begin; update t set b = "changed " || a; select "half" from t limit 1;' >&3
    for _ in {1..200}; do [ "$(stat -c %s $db-journal $db-wal 2>/dev/null | sort -n | tail -n 1)" -gt 1000000 ] 2>/dev/null && break; sleep 0.05; done
    kill -9 $!
    wait $!
    echo "killed: $?"
    exec 3>&-
    rm commands
    sqlite3 $db 'pragma integrity_check; select count(*) from t where b like "changed%"; select count(*) from t;'
    for i in 1 2 3 4; do
        sqlite3 -cmd '.timeout 20000' $db "begin immediate; update t set c = c + 1 where a <= 1000; commit;" &
    done
    wait
    sqlite3 $db 'select sum(c) from t where a <= 1000; vacuum; pragma integrity_check;'
    sqlite3 $db .dump | md5sum
done
