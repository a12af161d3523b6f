/* SPDX-License-Identifier: MIT
 * File operations by one thread, by two threads and by two processes at once,
 * of the same files and of different ones: NAME_1, NAME_same_2t, NAME_apart_2p
 * and so on. The figure is one worker's, so that of two who are not in each
 * other's way is that of one. */
#include "gbench.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 256, PAGE = 4096, ENTRIES = 50 };

/* What one of the two works on. */
struct worker {
	char dir[256], file[300], own[300]; /* own: a name that only it makes */
	int fd;
	int number;
	gb_fn *one;
	int orders[2], results[2]; /* pipes: how many, and what came of them */
};

static int do_stat(void *ctx, long n)
{
	struct worker *w = ctx;
	struct stat st;
	while (n-- > 0)
		GB_TRY(stat(w->file, &st));
	return 0;
}

static int do_open(void *ctx, long n)
{
	struct worker *w = ctx;
	while (n-- > 0) {
		int fd = open(w->file, O_RDONLY | O_CLOEXEC);
		GB_TRY(fd);
		close(fd);
	}
	return 0;
}

static int do_create(void *ctx, long n)
{
	struct worker *w = ctx;
	while (n-- > 0) {
		int fd = open(w->own, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		GB_TRY(fd);
		close(fd);
		GB_TRY(unlink(w->own));
	}
	return 0;
}

static off_t place(const struct worker *w, long n)
{
	return (off_t)((n + w->number * PAGES / 2) % PAGES) * PAGE;
}

static int do_pread(void *ctx, long n)
{
	struct worker *w = ctx;
	char buf[PAGE];
	while (n-- > 0)
		GB_TRY(pread(w->fd, buf, PAGE, place(w, n)));
	return 0;
}

static int do_pwrite(void *ctx, long n)
{
	struct worker *w = ctx;
	char buf[PAGE] = { 'x' };
	while (n-- > 0)
		GB_TRY(pwrite(w->fd, buf, PAGE, place(w, n)));
	return 0;
}

static int do_readdir(void *ctx, long n)
{
	struct worker *w = ctx;
	while (n-- > 0) {
		DIR *d = opendir(w->dir);
		if (!d)
			return -errno;
		while (readdir(d))
			;
		closedir(d);
	}
	return 0;
}

static int do_lock(void *ctx, long n)
{
	struct worker *w = ctx;
	struct flock l = { .l_whence = SEEK_SET, .l_start = w->number, .l_len = 1 };
	while (n-- > 0) {
		l.l_type = F_WRLCK;
		GB_TRY(fcntl(w->fd, F_OFD_SETLK, &l));
		l.l_type = F_UNLCK;
		GB_TRY(fcntl(w->fd, F_OFD_SETLK, &l));
	}
	return 0;
}

static const struct {
	const char *name;
	gb_fn *one;
} operations[] = {
	{ "stat", do_stat },	 { "open", do_open },	{ "create", do_create },
	{ "pread", do_pread },	 { "pwrite", do_pwrite }, { "readdir", do_readdir },
	{ "lock", do_lock },
};
enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

/* The other one: does as many as it is told, until there are no more orders. */
static void *serve(void *arg)
{
	struct worker *w = arg;
	long n;
	while (read(w->orders[0], &n, sizeof(n)) == sizeof(n) && n) {
		int err = w->one(w, n);
		if (write(w->results[1], &err, sizeof(err)) != sizeof(err))
			break;
	}
	return NULL;
}

/* workers[0] is this one, workers[1] the other. */
static int both(void *ctx, long n)
{
	struct worker *w = ctx;
	int err, other;
	GB_TRY(write(w[1].orders[1], &n, sizeof(n)));
	err = w[0].one(&w[0], n);
	GB_TRY(read(w[1].results[0], &other, sizeof(other)));
	return err ? err : other;
}

static int prepare(struct worker *w, int number, int apart)
{
	char buf[PAGE] = { 'y' }, path[320];
	snprintf(w->dir, sizeof(w->dir), "%s/share.%d", gb_opt.workdir, apart ? number : 0);
	snprintf(w->file, sizeof(w->file), "%s/file", w->dir);
	snprintf(w->own, sizeof(w->own), "%s/own-%d", w->dir, number);
	w->number = number;
	if (mkdir(w->dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(path, sizeof(path), "%s/entry-%d", w->dir, i);
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		GB_TRY(fd);
		close(fd);
	}
	w->fd = open(w->file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	GB_TRY(w->fd);
	for (int i = 0; i < PAGES; i++)
		GB_TRY(pwrite(w->fd, buf, PAGE, (off_t)i * PAGE));
	return 0;
}

static void clean_up(struct worker *w)
{
	char path[320];
	close(w->fd);
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(path, sizeof(path), "%s/entry-%d", w->dir, i);
		unlink(path);
	}
	unlink(w->file);
	rmdir(w->dir);
}

static void with_another(const char *name, struct worker *w, int process)
{
	static const long end = 0;
	pthread_t thread;
	pid_t pid = 0;
	int err;
	if (pipe(w[1].orders) < 0 || pipe(w[1].results) < 0) {
		gb_fail(name, errno);
		return;
	}
	if (process) {
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			serve(&w[1]);
			_exit(0);
		}
		err = pid < 0 ? errno : 0;
	} else {
		err = pthread_create(&thread, NULL, serve, &w[1]);
	}
	if (err) {
		gb_fail(name, err);
	} else {
		gb_loop_units(name, both, w, 1, "op");
		if (write(w[1].orders[1], &end, sizeof(end)) < 0)
			gb_fail(name, errno);
		if (process)
			waitpid(pid, NULL, 0);
		else
			pthread_join(thread, NULL);
	}
	for (int i = 0; i < 2; i++) {
		close(w[1].orders[i]);
		close(w[1].results[i]);
	}
}

void group_share(void)
{
	for (int apart = 0; apart < 2; apart++) {
		struct worker w[2];
		int err = prepare(&w[0], 0, apart);
		if (!err)
			err = prepare(&w[1], 1, apart);
		if (err) {
			gb_fail("share_setup", err);
			return;
		}
		for (int i = 0; i < OPERATIONS; i++) {
			char name[64];
			const char *where = apart ? "apart" : "same";
			w[0].one = w[1].one = operations[i].one;
			snprintf(name, sizeof(name), "%s_1", operations[i].name);
			if (!apart && gb_begin(name))
				gb_loop_units(name, operations[i].one, &w[0], 1, "op");
			snprintf(name, sizeof(name), "%s_%s_2t", operations[i].name, where);
			if (gb_begin(name))
				with_another(name, w, 0);
			snprintf(name, sizeof(name), "%s_%s_2p", operations[i].name, where);
			if (gb_begin(name))
				with_another(name, w, 1);
		}
		clean_up(&w[0]);
		clean_up(&w[1]);
	}
}
