/* SPDX-License-Identifier: MIT */
/*
 * Descriptors between processes: pipes and fifos, whole writes of PIPE_BUF, SIGPIPE in a pipeline,
 * shared offsets, signalfd, and locks of processes with EDEADLK.
 */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "guest.h"

/* The child's exit code, or 1000 and the signal that ended it. */
static int end_of(pid_t pid)
{
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define CHILD(pid, ...)                 \
    do {                                \
        fflush(stdout);                 \
        if (((pid) = fork()) == 0) {    \
            __VA_ARGS__;                \
            fflush(stdout);             \
            _exit(guest_failures != 0); \
        }                               \
        CHECK((pid) > 0);               \
    } while (0)

static void ping_pong(void)
{
    int to[2], from[2];
    pid_t pid;
    char c = 0;
    CHECK(pipe(to) == 0 && pipe(from) == 0);
    CHILD(pid, {
        close(to[1]);
        close(from[0]);
        while (read(to[0], &c, 1) == 1) {
            c++;
            CHECK(write(from[1], &c, 1) == 1);
        }
    });
    close(to[0]);
    close(from[1]);
    for (long i = guest_count(2000, 100000); i > 0; i--) {
        char sent = (char)i;
        CHECK(write(to[1], &sent, 1) == 1 && read(from[0], &c, 1) == 1 && c == (char)(sent + 1));
    }
    close(to[1]);
    CHECK(read(from[0], &c, 1) == 0); /* the child has gone */
    CHECK(end_of(pid) == 0);
    close(from[0]);
}

#define WRITERS 4

static void write_records(int fd, int which, size_t size)
{
    static char record[PIPE_BUF];
    memset(record, 'a' + which, size);
    for (long i = guest_count(300, 10000); i > 0; i--)
        CHECK(write(fd, record, size) == (ssize_t)size);
}

/* Records of four processes are never mixed, however large up to PIPE_BUF. */
static void whole_writes(size_t size)
{
    int p[2];
    pid_t pid[WRITERS];
    char record[PIPE_BUF];
    long mixed = 0, count[WRITERS] = {0};
    CHECK(pipe(p) == 0);
    for (int i = 0; i < WRITERS; i++)
        CHILD(pid[i], {
            close(p[0]);
            write_records(p[1], i, size);
        });
    close(p[1]);
    for (;;) {
        size_t got = 0;
        ssize_t n;
        while (got < size && (n = read(p[0], record + got, size - got)) > 0)
            got += (size_t)n;
        if (!got)
            break;
        mixed += got != size || memcmp(record, record + 1, size - 1) != 0;
        if (record[0] >= 'a' && record[0] < 'a' + WRITERS)
            count[record[0] - 'a']++;
    }
    CHECK(mixed == 0);
    for (int i = 0; i < WRITERS; i++)
        CHECK(end_of(pid[i]) == 0 && count[i] == guest_count(300, 10000));
    close(p[0]);
}

/* yes | head: the writer dies of SIGPIPE, or sees EPIPE. */
static void pipelines(void)
{
    int p[2];
    pid_t writer, reader;
    for (int ignores = 0; ignores < 2; ignores++) {
        CHECK(pipe(p) == 0);
        CHILD(writer, {
            close(p[0]);
            signal(SIGPIPE, ignores ? SIG_IGN : SIG_DFL);
            while (write(p[1], "yes\n", 4) == 4)
                ;
            CHECK(errno == EPIPE);
            _exit(7);
        });
        CHILD(reader, {
            char buf[100];
            close(p[1]);
            CHECK(read(p[0], buf, 100) > 0);
        });
        close(p[0]);
        close(p[1]);
        CHECK(end_of(reader) == 0);
        CHECK(end_of(writer) == (ignores ? 7 : 1000 + SIGPIPE));
    }
}

static void fifos(void)
{
    pid_t pid;
    char buf[16];
    CHECK(mkfifo("fifo", 0600) == 0);
    CHILD(pid, {
        int fd = open("fifo", O_WRONLY);
        CHECK(fd >= 0 && write(fd, "through", 7) == 7);
    });
    int fd = open("fifo", O_RDONLY); /* each waits for the other */
    size_t got = 0;
    ssize_t n;
    while ((n = read(fd, buf + got, sizeof buf - got)) > 0)
        got += (size_t)n;
    CHECK(n == 0 && got == 7 && !memcmp(buf, "through", 7));
    CHECK(end_of(pid) == 0);
    struct pollfd p = {fd, POLLIN, 0};
    CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLHUP);
    close(fd);
    CHECK(unlink("fifo") == 0);
}

static void ignore(int signal)
{
    (void)signal;
}

/* A writer that is gone again: its end interrupts the reader, who has seen it nevertheless. */
static void short_visits(void)
{
    struct sigaction old, act = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    CHECK(mkfifo("visits", 0600) == 0);
    CHECK(sigaction(SIGCHLD, &act, &old) == 0);
    for (long i = guest_count(300, 20000); i > 0; i--) {
        pid_t pid;
        CHILD(pid, {
            int w = open("visits", O_WRONLY);
            _exit(write(w, "x", 1) == 1 ? 3 : 0);
        });
        int r = open("visits", O_RDONLY);
        CHECK(r >= 0 && end_of(pid) == 3);
        close(r);
    }
    CHECK(sigaction(SIGCHLD, &old, NULL) == 0 && unlink("visits") == 0);
}

/* One open file: one position, one set of flags; the descriptors are each process's own. */
static void shared_files(void)
{
    pid_t pid;
    char buf[8];
    int fd = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0600), own = open("shared", O_RDONLY);
    CHECK(write(fd, "abcdefgh", 8) == 8 && lseek(fd, 0, SEEK_SET) == 0);
    CHILD(pid, {
        CHECK(read(fd, buf, 3) == 3 && !memcmp(buf, "abc", 3));
        CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
        CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
        close(own);
        CHECK(dup2(fd, 40) == 40);
    });
    CHECK(end_of(pid) == 0);
    CHECK(lseek(fd, 0, SEEK_CUR) == 3 && read(fd, buf, 2) == 2 && !memcmp(buf, "de", 2));
    CHECK(fcntl(fd, F_GETFL) & O_APPEND && fcntl(fd, F_GETFD) == 0);
    CHECK(read(own, buf, 1) == 1 && fcntl(40, F_GETFD) == -1);
    for (int i = 0; i < 4; i++) /* appended, each as a whole */
        CHILD(pid, {
            for (int k = 0; k < 50; k++)
                CHECK(write(fd, "12345678", 8) == 8);
        });
    for (int i = 0; i < 4; i++)
        CHECK(wait(NULL) > 0);
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && st.st_size == 8 + 4 * 50 * 8);
    close(fd);
    close(own);
    CHECK(unlink("shared") == 0);
}

static int lock(int fd, int command, int type, long start, long size)
{
    struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = size};
    return fcntl(fd, command, &l);
}

/* Wait for a byte; if that closes a circle, give up ten bytes from `mine` on, and return 1. */
static int lock_or_give_up(int fd, long wanted, long mine)
{
    if (lock(fd, F_SETLKW, F_WRLCK, wanted, 1) == 0)
        return 0;
    CHECK(errno == EDEADLK);
    CHECK(lock(fd, F_SETLK, F_UNLCK, mine, 10) == 0);
    return 1;
}

static void process_locks(void)
{
    int go[2], ready[2], fd = open("locked", O_RDWR | O_CREAT, 0600);
    pid_t pid;
    char c;
    CHECK(pipe(go) == 0 && pipe(ready) == 0);
    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 10) == 0);
    CHILD(pid, { /* a lock is not inherited, and the parent's is in the way */
                 struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
                 CHECK(fcntl(fd, F_GETLK, &l) == 0 && l.l_type == F_WRLCK && l.l_pid == getppid());
                 CHECK(l.l_start == 0 && l.l_len == 10);
                 CHECK_ERROR(lock(fd, F_SETLK, F_RDLCK, 5, 1), EAGAIN);
                 CHECK(lock(fd, F_SETLK, F_WRLCK, 10, 10) == 0);
                 CHECK(write(ready[1], "r", 1) == 1 && read(go[0], &c, 1) == 1);
                 _exit(lock_or_give_up(fd, 0, 10));
    });
    CHECK(read(ready[0], &c, 1) == 1);
    CHECK_ERROR(lock(fd, F_SETLK, F_WRLCK, 15, 1), EAGAIN);
    CHECK(write(go[1], "g", 1) == 1);
    /* Each waits for the other: one of them is told, whichever comes last. */
    int gave_up = lock_or_give_up(fd, 15, 0);
    CHECK(end_of(pid) + gave_up == 1);
    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 0) == 0); /* with its end its locks are gone */
    CHECK(lock(fd, F_SETLK, F_UNLCK, 50, 0) == 0);

    /* The same when it is killed. */
    CHILD(pid, {
        CHECK_ERROR(lock(fd, F_SETLK, F_WRLCK, 40, 20), EAGAIN);
        CHECK(lock(fd, F_SETLK, F_WRLCK, 50, 10) == 0);
        int other = open("locked", O_RDWR);
        CHECK(flock(other, LOCK_EX) == 0);
        CHECK(write(ready[1], "r", 1) == 1);
        for (;;)
            pause();
    });
    CHECK(read(ready[0], &c, 1) == 1);
    CHECK_ERROR(flock(fd, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    CHECK_ERROR(lock(fd, F_SETLK, F_WRLCK, 55, 1), EAGAIN);
    CHECK(kill(pid, SIGKILL) == 0 && flock(fd, LOCK_SH) == 0);
    CHECK(lock(fd, F_SETLKW, F_WRLCK, 50, 20) == 0);
    CHECK(end_of(pid) == 1000 + SIGKILL);

    /* flock(2)'s belong to the open file, which the child shares. */
    CHILD(pid, CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0 && flock(fd, LOCK_UN) == 0));
    CHECK(end_of(pid) == 0);
    int again = open("locked", O_RDWR);
    CHECK(flock(again, LOCK_EX | LOCK_NB) == 0);
    int fds[] = {go[0], go[1], ready[0], ready[1], fd, again};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        close(fds[i]);
    CHECK(unlink("locked") == 0);
}

/* A counter in a shared file, changed by four processes under a lock. */
static void counted_under_lock(int how)
{
    pid_t pid[4];
    long rounds = guest_count(100, 5000), value = 0;
    int fd = open("counter", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(pwrite(fd, &value, sizeof value, 0) == sizeof value);
    for (int i = 0; i < 4; i++)
        CHILD(pid[i], {
            int own = open("counter", O_RDWR);
            for (long k = 0; k < rounds; k++) {
                CHECK((how ? lock(own, F_SETLKW, F_WRLCK, 0, 0) : flock(own, LOCK_EX)) == 0);
                CHECK(pread(own, &value, sizeof value, 0) == sizeof value);
                value++;
                CHECK(pwrite(own, &value, sizeof value, 0) == sizeof value);
                CHECK((how ? lock(own, F_SETLK, F_UNLCK, 0, 0) : flock(own, LOCK_UN)) == 0);
            }
        });
    for (int i = 0; i < 4; i++)
        CHECK(end_of(pid[i]) == 0);
    CHECK(pread(fd, &value, sizeof value, 0) == sizeof value && value == 4 * rounds);
    close(fd);
    CHECK(unlink("counter") == 0);
}

/* Who reads a signalfd gets the signals of its own process. */
static void signals_of_the_reader(void)
{
    sigset_t set;
    struct signalfd_siginfo s;
    pid_t pid;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    int fd = signalfd(-1, &set, SFD_NONBLOCK);
    CHECK(raise(SIGUSR1) == 0);
    CHILD(pid, {
        CHECK_ERROR(read(fd, &s, sizeof s), EAGAIN);
        CHECK(kill(getpid(), SIGUSR1) == 0);
        CHECK(read(fd, &s, sizeof s) == sizeof s && s.ssi_pid == (unsigned)getpid());
        _exit(5);
    });
    struct pollfd p = {fd, POLLIN, 0};
    CHECK(read(fd, &s, sizeof s) == sizeof s && s.ssi_signo == SIGUSR1);
    CHECK(poll(&p, 1, -1) == 1 && read(fd, &s, sizeof s) == sizeof s);
    CHECK(s.ssi_signo == SIGCHLD && s.ssi_code == CLD_EXITED && s.ssi_status == 5 &&
          s.ssi_pid == (unsigned)pid);
    CHECK(end_of(pid) == 5);
    close(fd);
}

int main(void)
{
    ping_pong();
    whole_writes(PIPE_BUF);
    whole_writes(513);
    whole_writes(4);
    pipelines();
    fifos();
    short_visits();
    shared_files();
    process_locks();
    counted_under_lock(0);
    counted_under_lock(1);
    signals_of_the_reader();
    return guest_result();
}
