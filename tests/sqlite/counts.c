/* SPDX-License-Identifier: MIT */
/*
 * Two processes of two threads each count in one database; one of them is killed at random moments
 * and started again.  What was committed stays, and nothing is there by halves: a worker's row is
 * what it was told, or one more where it was killed before it was told, and the row of all is their
 * sum.
 *
 *   counts DATABASE delete|truncate|persist|wal KILLS
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 2
#define WORKERS (2 * THREADS) /* the first process's, and those that are killed */
#define WORKER_ROW 1          /* row 0 counts all */

/* Shared by all processes. */
struct told {
    atomic_long committed[WORKERS];
    atomic_int stop;
};

static struct told *told;
static const char *database, *journal;

static void fail(sqlite3 *db, const char *what)
{
    printf("%s: %s\n", what, db ? sqlite3_errmsg(db) : "no database");
    fflush(stdout);
    _exit(1);
}

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(db, sql);
}

static sqlite3 *open_database(void)
{
    sqlite3 *db;
    char sql[64];
    if (sqlite3_open(database, &db) != SQLITE_OK)
        fail(db, "open");
    sqlite3_busy_timeout(db, 60000);
    snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s", journal);
    run(db, sql);
    return db;
}

static void *work(void *arg)
{
    int worker = (int)(long)arg;
    char sql[128];
    sqlite3 *db = open_database();
    snprintf(sql, sizeof sql, "UPDATE counts SET n = n + 1 WHERE id IN (0, %d)",
             WORKER_ROW + worker);
    while (!atomic_load(&told->stop)) {
        run(db, "BEGIN IMMEDIATE");
        run(db, sql);
        run(db, "COMMIT");
        atomic_fetch_add(&told->committed[worker], 1);
        usleep(500); /* who waits for a lock of sqlite's looks now and then: let it find none */
    }
    sqlite3_close(db);
    return NULL;
}

/* A process that counts for workers from `first` on. */
static pid_t start(int first)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++)
            if (pthread_create(&threads[i], NULL, work, (void *)(long)(first + i)))
                _exit(2);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        _exit(0);
    }
    return pid;
}

static long number(sqlite3 *db, const char *sql, int id)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail(db, sql);
    sqlite3_bind_int(s, 1, id);
    if (sqlite3_step(s) != SQLITE_ROW)
        fail(db, sql);
    long n = (long)sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return n;
}

static void check_integrity(sqlite3 *db)
{
    sqlite3_stmt *s;
    const char *sql = "PRAGMA integrity_check";
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
        fail(db, sql);
    if (strcmp((const char *)sqlite3_column_text(s, 0), "ok"))
        fail(db, (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
}

/*
 * The killed process's workers are told what they have now, for the next one goes on with it; each
 * may have been killed between commit and being told.
 */
static int check_killed(sqlite3 *db)
{
    int wrong = 0;
    for (int i = THREADS; i < WORKERS; i++) {
        long n = number(db, "SELECT n FROM counts WHERE id = ?", WORKER_ROW + i);
        long known = atomic_load(&told->committed[i]);
        if (n != known && n != known + 1) {
            printf("worker %d was told %ld, but there are %ld\n", i, known, n);
            wrong = 1;
        }
        atomic_store(&told->committed[i], n);
    }
    return wrong;
}

static int check_all(sqlite3 *db)
{
    long sum = 0;
    int wrong = check_killed(db);
    for (int i = 0; i < WORKERS; i++) {
        long n = number(db, "SELECT n FROM counts WHERE id = ?", WORKER_ROW + i);
        sum += atomic_load(&told->committed[i]);
        if (n != atomic_load(&told->committed[i])) {
            printf("worker %d has committed %ld, but there are %ld\n", i, (long)told->committed[i],
                   n);
            wrong = 1;
        }
    }
    long total = number(db, "SELECT n FROM counts WHERE id = ?", 0);
    if (total != sum) {
        printf("%ld in all, not %ld\n", total, sum);
        wrong = 1;
    }
    check_integrity(db);
    return wrong;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    database = argv[1];
    journal = argv[2];
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED)
        return 2;
    sqlite3 *db = open_database();
    run(db, "CREATE TABLE counts (id INTEGER PRIMARY KEY, n INTEGER, filler BLOB)");
    for (int i = 0; i < WORKER_ROW + WORKERS; i++) /* of several pages */
        run(db, "INSERT INTO counts (n, filler) VALUES (0, randomblob(3000))");
    run(db, "UPDATE counts SET id = id - 1");
    sqlite3_close(db); /* before fork(): its locks are this process's */

    int wrong = 0, status;
    unsigned seed = 1;
    pid_t lasting = start(0);
    for (int kills = atoi(argv[3]); kills > 0 && !wrong; kills--) {
        long before = told->committed[THREADS];
        pid_t killed = start(THREADS);
        while (told->committed[THREADS] == before && waitpid(killed, &status, WNOHANG) == 0)
            usleep(1000);
        usleep((useconds_t)(rand_r(&seed) % 30000));
        kill(killed, SIGKILL);
        waitpid(killed, &status, 0);
        wrong |= !WIFSIGNALED(status);
        db = open_database();
        wrong |= check_killed(db);
        sqlite3_close(db);
    }
    told->stop = 1;
    waitpid(lasting, &status, 0);
    wrong |= status;
    db = open_database();
    wrong |= check_all(db);
    sqlite3_close(db);
    printf("%s: %s\n", journal, wrong ? "wrong" : "all is there, once");
    return wrong;
}
