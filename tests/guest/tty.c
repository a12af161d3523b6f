/* SPDX-License-Identifier: MIT */
/* Pseudo-terminals: names, both ends, controls, and what is refused. */

#include <dirent.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include "docker_root.h"
#include "tty.h"

static int link_of(int fd, char *to, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, to, size - 1);
    to[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* ---- Names ---- */

static int is_listed(const char *path)
{
    int found = 0;
    DIR *dir = opendir("/dev/pts");
    const struct dirent *e;
    while (dir && (e = readdir(dir)))
        found |= !strcmp(e->d_name, path + strlen("/dev/pts/"));
    closedir(dir);
    return found;
}

static void names(void)
{
    struct pair p = tty_pair(0);
    struct stat st, by_name;
    struct statfs fs;
    char text[256], name[64];
    CHECK(is_listed(p.name));
    CHECK(fstat(p.slave, &st) == 0 && stat(p.name, &by_name) == 0);
    CHECK(S_ISCHR(st.st_mode) && major(st.st_rdev) == 136 && st.st_nlink == 1);
    CHECK(st.st_ino == by_name.st_ino && st.st_dev == by_name.st_dev);
    CHECK(st.st_ino == minor(st.st_rdev) + 3 && st.st_size == 0 && st.st_blksize == 1024);
    CHECK(stat("/dev/ptmx", &st) == 0);
    CHECK(S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2));
    CHECK(stat("/dev/pts/ptmx", &st) == 0 && st.st_ino == 2 && st.st_rdev == makedev(5, 2));
    CHECK(stat("/dev/pts", &st) == 0 && st.st_ino == 1 && st.st_dev == by_name.st_dev);
    CHECK(statfs(p.name, &fs) == 0 && fs.f_type == 0x1cd1 && fs.f_blocks == 0);
    CHECK(link_of(p.slave, text, sizeof text) && !strcmp(text, p.name));
    CHECK(ttyname_r(p.slave, name, sizeof name) == 0 && !strcmp(name, p.name));
    CHECK(isatty(p.slave) && isatty(p.master));
    CHECK(ptsname_r(p.master, name, sizeof name) == 0 && !strcmp(name, p.name));
    CHECK(fchmod(p.slave, 0600) == 0 && stat(p.name, &st) == 0 && (st.st_mode & 07777) == 0600);
    CHECK(chown(p.name, 7, 8) == 0 && fstat(p.slave, &st) == 0 && st.st_uid == 7 && st.st_gid == 8);
    close(p.master);
    CHECK(!is_listed(p.name));
    CHECK_ERROR(stat(p.name, &st), ENOENT);
    CHECK_ERROR(open(p.name, O_RDWR), ENOENT);
    CHECK(link_of(p.slave, text, sizeof text));
    strcat(p.name, " (deleted)");
    CHECK(!strcmp(text, p.name));
    CHECK(fstat(p.slave, &st) == 0 && st.st_nlink == 0);
    close(p.slave);
}

static void directory_is_closed(void)
{
    struct pair p = tty_pair(0);
    CHECK_ERROR(open("/dev/pts/new", O_RDWR | O_CREAT, 0600), EACCES);
    CHECK_ERROR(mkdir("/dev/pts/new", 0700), EPERM);
    CHECK_ERROR(mknod("/dev/pts/new", S_IFIFO | 0600, 0), EPERM);
    CHECK_ERROR(symlink("x", "/dev/pts/new"), EPERM);
    CHECK_ERROR(link(p.name, "/dev/pts/new"), EPERM);
    CHECK_ERROR(link(p.name, "new"), EXDEV);
    CHECK_ERROR(unlink(p.name), EPERM);
    CHECK_ERROR(rename(p.name, "/dev/pts/new"), EPERM);
    CHECK_ERROR(rename(p.name, "new"), EXDEV);
    CHECK_ERROR(open("/dev/pts/99999", O_RDWR), ENOENT);
    CHECK_ERROR(open("/dev/pts/00", O_RDWR), ENOENT);
    tty_close(p);
}

/* A number is free again when both ends are closed. */
static void numbers(void)
{
    struct pair a = tty_pair(0), b = tty_pair(0), c;
    CHECK(strcmp(a.name, b.name));
    close(a.master);
    c = tty_pair(0);
    CHECK(strcmp(a.name, c.name));
    tty_close(c);
    close(a.slave);
    c = tty_pair(0);
    CHECK(!strcmp(a.name, c.name));
    tty_close(c);
    tty_close(b);
}

static void opening(void)
{
    int m = open("/dev/ptmx", O_RDWR | O_NOCTTY), locked = 0, one = 1, zero = 0;
    char name[64], text[64];
    CHECK(ptsname_r(m, name, sizeof name) == 0);
    CHECK(ioctl(m, TIOCGPTLCK, &locked) == 0 && locked == 1);
    CHECK_ERROR(open(name, O_RDWR | O_NOCTTY), EIO);
    CHECK_ERROR(ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO);
    CHECK(ioctl(m, TIOCSPTLCK, &zero) == 0);
    int peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(peer >= 0 && fcntl(peer, F_GETFD) == FD_CLOEXEC);
    CHECK(link_of(peer, text, sizeof text) && !strcmp(text, name));
    CHECK_ERROR(ioctl(peer, TIOCGPTPEER, O_RDWR), EIO);
    int reader = open(name, O_RDONLY | O_NOCTTY), writer = open(name, O_WRONLY | O_NOCTTY);
    CHECK_ERROR(read(writer, text, 1), EBADF);
    CHECK_ERROR(write(reader, text, 1), EBADF);
    CHECK(tty_types(writer, "x") && tty_reads(m, "x"));
    CHECK(ioctl(m, TIOCSPTLCK, &one) == 0);
    CHECK_ERROR(open(name, O_RDWR | O_NOCTTY), EIO);
    CHECK_ERROR(write(peer, "y", 1), EIO); /* this spoils it for who has it open already */
    CHECK_ERROR(read(peer, text, 1), EIO);
    CHECK(ioctl(m, TIOCSPTLCK, &zero) == 0);
    int again = open(name, O_RDWR | O_NOCTTY);
    CHECK(tty_types(peer, "y") && tty_reads(m, "y"));
    close(again);
    close(reader);
    close(writer);
    close(peer);
    close(m);
}

static void exclusive(void)
{
    struct pair p = tty_pair(0);
    int on = -1;
    CHECK(ioctl(p.slave, TIOCGEXCL, &on) == 0 && on == 0);
    CHECK(ioctl(p.slave, TIOCEXCL) == 0);
    CHECK(ioctl(p.slave, TIOCGEXCL, &on) == 0 && on == 1);
    CHECK_ERROR(open(p.name, O_RDWR | O_NOCTTY), EBUSY);
    CHECK(ioctl(p.slave, TIOCNXCL) == 0);
    int fd = open(p.name, O_RDWR | O_NOCTTY);
    CHECK(fd >= 0);
    close(fd);
    tty_close(p);
}

/* ---- Controls ---- */

static void print_modes(const char *what, const struct termios *t)
{
    printf("%s %o %o %o %o %d:", what, t->c_iflag, t->c_oflag, t->c_cflag, t->c_lflag, t->c_line);
    for (int i = 0; i < 19; i++)
        printf(" %d", t->c_cc[i]);
    printf(" speeds %u %u\n", cfgetispeed(t), cfgetospeed(t));
}

/* As <asm/termbits.h> has it, which does not go together with <termios.h>. */
struct modes2 {
    unsigned iflag, oflag, cflag, lflag;
    unsigned char line, cc[19];
    unsigned ispeed, ospeed;
};
#define GET2 0x802c542au
#define SET2 0x402c542bu

static void modes(void)
{
    struct pair p = tty_pair(0);
    struct termios t, other;
    struct modes2 m;
    unsigned short old[9];
    int value = -1;
    CHECK(tcgetattr(p.slave, &t) == 0 && tcgetattr(p.master, &other) == 0);
    print_modes("first", &t);
    print_modes("master", &other);
    t.c_cflag = (t.c_cflag & ~(tcflag_t)CSIZE) | CS5 | PARENB | CSTOPB | CLOCAL;
    t.c_line = 3;
    cfsetspeed(&t, B115200);
    CHECK(tcsetattr(p.master, TCSANOW, &t) == 0 && tcgetattr(p.slave, &t) == 0);
    print_modes("changed", &t);
    CHECK(ioctl(p.slave, GET2, &m) == 0);
    printf("cflag %o speeds %u %u\n", m.cflag, m.ispeed, m.ospeed);
    m.cflag = (m.cflag & ~(unsigned)0x100f) | 0x1000; /* BOTHER */
    m.ospeed = 12345;
    m.ispeed = 54321;
    CHECK(ioctl(p.slave, SET2, &m) == 0 && ioctl(p.slave, GET2, &m) == 0);
    printf("cflag %o speeds %u %u\n", m.cflag, m.ispeed, m.ospeed);
    m.cflag |= 0x1000u << 16;
    CHECK(ioctl(p.slave, SET2, &m) == 0 && ioctl(p.slave, GET2, &m) == 0);
    printf("cflag %o speeds %u %u\n", m.cflag, m.ispeed, m.ospeed);
    memset(old, 0, sizeof old);
    CHECK(ioctl(p.slave, TCGETA, old) == 0);
    printf("old %o %o %o %o\n", old[0], old[1], old[2], old[3]);
    old[3] &= (unsigned short)~ECHO;
    CHECK(ioctl(p.slave, TCSETAW, old) == 0 && tcgetattr(p.slave, &t) == 0);
    print_modes("by the old", &t);
    CHECK(ioctl(p.slave, TIOCGSOFTCAR, &value) == 0 && value == 1);
    value = 0;
    CHECK(ioctl(p.slave, TIOCSSOFTCAR, &value) == 0 && tcgetattr(p.slave, &t) == 0);
    CHECK(!(t.c_cflag & CLOCAL));
    CHECK(ioctl(p.slave, TIOCGETD, &value) == 0 && value == 0);
    CHECK(ioctl(p.slave, TIOCSETD, &value) == 0);
    tty_close(p);
}

static void sizes(void)
{
    struct pair p = tty_pair(0);
    struct winsize w = {1, 2, 3, 4};
    CHECK(ioctl(p.slave, TIOCGWINSZ, &w) == 0 && !w.ws_row && !w.ws_col && !w.ws_ypixel);
    w = (struct winsize){24, 80, 640, 480};
    CHECK(ioctl(p.master, TIOCSWINSZ, &w) == 0);
    memset(&w, 0, sizeof w);
    CHECK(ioctl(p.slave, TIOCGWINSZ, &w) == 0);
    CHECK(w.ws_row == 24 && w.ws_col == 80 && w.ws_xpixel == 640 && w.ws_ypixel == 480);
    w.ws_row = 50;
    CHECK(ioctl(p.slave, TIOCSWINSZ, &w) == 0 && ioctl(p.master, TIOCGWINSZ, &w) == 0);
    CHECK(w.ws_row == 50);
    tty_close(p);
}

static void small_controls(void)
{
    struct pair p = tty_pair(O_NONBLOCK);
    int value = -1;
    struct stat st;
    CHECK(fstat(p.slave, &st) == 0);
    CHECK(ioctl(p.slave, TIOCGDEV, &value) == 0 && (unsigned)value == st.st_rdev);
    CHECK(ioctl(p.master, TIOCGDEV, &value) == 0 && (unsigned)value == st.st_rdev);
    CHECK(tty_types(p.slave, "abc") && ioctl(p.slave, TIOCOUTQ, &value) == 0 && value == 0);
    CHECK(tty_ready(p.master, POLLIN));
    CHECK(ioctl(p.master, FIONREAD, &value) == 0 && value == 3);
    CHECK(tcsendbreak(p.slave, 0) == 0 && tcdrain(p.slave) == 0 && tcsendbreak(p.master, 1) == 0);
    CHECK(ioctl(p.slave, TIOCSBRK) == 0 && ioctl(p.slave, TIOCCBRK) == 0);
    CHECK_ERROR(ioctl(p.slave, TCFLSH, 3), EINVAL);
    CHECK_ERROR(ioctl(p.slave, TCXONC, 4), EINVAL);
    CHECK_ERROR(ioctl(p.master, TIOCSIG, SIGHUP), EINVAL);
    CHECK(ioctl(p.master, TIOCSIG, SIGINT) == 0); /* to nobody */
    value = 77;
    CHECK_ERROR(ioctl(p.slave, TIOCSETD, &value), EINVAL);
    tty_close(p);
}

static void refusals(void)
{
    struct pair p = tty_pair(0);
    int value = 0;
    void *bad = (void *)8;
    char byte = 'x';
    static const unsigned of_masters[] = {TIOCPKT, TIOCGPKT, TIOCSPTLCK, TIOCGPTLCK, TIOCGPTN};
    for (size_t i = 0; i < sizeof of_masters / sizeof of_masters[0]; i++) {
        CHECK_ERROR(ioctl(p.slave, of_masters[i], &value), ENOTTY);
        CHECK_ERROR(ioctl(p.master, of_masters[i], bad), EFAULT);
    }
    static const unsigned of_both[] = {TCGETS,     TCSETS,   TCSETSF,  TCGETA,   TCSETA,
                                       TIOCGWINSZ, FIONREAD, TIOCOUTQ, TIOCGDEV, TIOCSWINSZ,
                                       TIOCGETD,   TIOCSETD, GET2,     SET2,     TIOCGEXCL};
    for (size_t i = 0; i < sizeof of_both / sizeof of_both[0]; i++) {
        CHECK_ERROR(ioctl(p.slave, of_both[i], bad), EFAULT);
        CHECK_ERROR(ioctl(p.master, of_both[i], bad), EFAULT);
    }
    CHECK_ERROR(ioctl(p.slave, TIOCMGET, &value), ENOTTY);
    CHECK_ERROR(ioctl(p.slave, 0x54ff, &value), ENOTTY);
    CHECK_ERROR(ioctl(p.slave, TIOCSTI, &byte), EPERM);
    CHECK_ERROR(ioctl(p.slave, TIOCCONS), EPERM);
    CHECK_ERROR(ioctl(p.master, TIOCCONS), EINVAL);
    CHECK_ERROR(ioctl(p.slave, 0x5437 /* TIOCVHANGUP */), EPERM);
    CHECK_ERROR(ioctl(p.slave, TIOCGPGRP, &value), ENOTTY);
    CHECK_ERROR(ioctl(p.slave, TIOCSPGRP, &value), ENOTTY);
    CHECK_ERROR(ioctl(p.slave, TIOCGSID, &value), ENOTTY);
    CHECK_ERROR(ioctl(p.master, TIOCGSID, &value), ENOTTY);
    CHECK(ioctl(p.master, TIOCGPGRP, &value) == 0 && value == 0);
    CHECK_ERROR(ioctl(p.slave, TIOCNOTTY), ENOTTY);
    CHECK_ERROR(lseek(p.slave, 0, SEEK_SET), ESPIPE);
    CHECK_ERROR(pread(p.slave, &byte, 1, 0), ESPIPE);
    CHECK_ERROR(pwrite(p.master, &byte, 1, 0), ESPIPE);
    CHECK_ERROR(ftruncate(p.slave, 0), EINVAL);
    CHECK_ERROR(fsync(p.slave), EINVAL);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, p.slave, 0) == MAP_FAILED && errno == ENODEV);
    CHECK_ERROR(write(p.slave, bad, 4), EFAULT);
    CHECK_ERROR(write(p.master, bad, 4), EFAULT);
    CHECK(tty_types(p.master, "a\n") && tty_ready(p.slave, POLLIN));
    CHECK_ERROR(read(p.slave, bad, 4), EFAULT);
    CHECK(read(p.slave, &byte, 0) == 0 && write(p.slave, &byte, 0) == 0);
    tty_close(p);
}

/* ---- By other calls ---- */

static void copied(void)
{
    struct pair p = tty_pair(0);
    int ends[2], file = memfd_create("x", 0);
    struct iovec parts[3] = {{"ab", 2}, {"", 0}, {"cd", 2}};
    CHECK(pipe(ends) == 0 && tty_types(p.slave, "hello") && tty_ready(p.master, POLLIN));
    CHECK(splice(p.master, NULL, ends[1], NULL, 100, 0) == 5);
    CHECK(splice(ends[0], NULL, p.slave, NULL, 100, 0) == 5 && tty_reads(p.master, "hello"));
    CHECK(tty_types(ends[1], "abc\n") && splice(ends[0], NULL, p.master, NULL, 100, 0) == 4);
    CHECK(tty_ready(p.slave, POLLIN) && splice(p.slave, NULL, ends[1], NULL, 100, 0) == 4);
    CHECK(tty_reads(p.master, "abc\r\n"));
    CHECK(write(file, "file", 4) == 4 && lseek(file, 0, SEEK_SET) == 0);
    CHECK(sendfile(p.slave, file, NULL, 4) == 4 && writev(p.slave, parts, 3) == 4);
    CHECK(tty_reads(p.master, "fileabcd"));
    close(file);
    close(ends[0]);
    close(ends[1]);
    tty_close(p);
}

/* ---- Packet mode ---- */

static void packets(void)
{
    struct pair p = tty_pair(0);
    struct termios t;
    char bytes[16];
    int on = 1;
    CHECK(ioctl(p.master, TIOCPKT, &on) == 0);
    on = 0;
    CHECK(ioctl(p.master, TIOCGPKT, &on) == 0 && on == 1);
    CHECK(tty_types(p.slave, "abc") && tty_ready(p.master, POLLIN) == POLLIN);
    CHECK(read(p.master, bytes, 1) == 1 && bytes[0] == 0);
    CHECK(read(p.master, bytes, sizeof bytes) == 4 && !memcmp(bytes, "\0abc", 4));
    CHECK(tcflush(p.slave, TCIFLUSH) == 0);
    CHECK(tty_ready(p.master, POLLIN | POLLPRI) == (POLLIN | POLLPRI));
    CHECK(tty_types(p.slave, "more"));
    CHECK(read(p.master, bytes, sizeof bytes) == 1 && bytes[0] == TIOCPKT_FLUSHREAD);
    CHECK(tty_ready(p.master, POLLIN) && read(p.master, bytes, sizeof bytes) == 5);
    CHECK(tcflush(p.slave, TCOFLUSH) == 0);
    CHECK(read(p.master, bytes, sizeof bytes) == 1 && bytes[0] == TIOCPKT_FLUSHWRITE);
    CHECK(tcflow(p.slave, TCOOFF) == 0);
    CHECK(read(p.master, bytes, sizeof bytes) == 1 && bytes[0] == TIOCPKT_STOP);
    CHECK(tcflow(p.slave, TCOON) == 0);
    CHECK(read(p.master, bytes, sizeof bytes) == 1 && bytes[0] == TIOCPKT_START);
    CHECK(tcgetattr(p.slave, &t) == 0);
    t.c_iflag &= ~(tcflag_t)IXON;
    CHECK(tcsetattr(p.slave, TCSANOW, &t) == 0);
    CHECK(read(p.master, bytes, sizeof bytes) == 1 && bytes[0] == TIOCPKT_NOSTOP);
    t.c_iflag |= IXON;
    CHECK(tcsetattr(p.slave, TCSANOW, &t) == 0);
    CHECK(read(p.master, bytes, sizeof bytes) == 1 && bytes[0] == TIOCPKT_DOSTOP);
    t.c_lflag |= EXTPROC;
    CHECK(tcsetattr(p.slave, TCSANOW, &t) == 0);
    CHECK(read(p.master, bytes, sizeof bytes) == 1 && bytes[0] == TIOCPKT_IOCTL);
    on = 0;
    CHECK(tcflush(p.slave, TCIFLUSH) == 0 && ioctl(p.master, TIOCPKT, &on) == 0);
    on = 1;
    CHECK(ioctl(p.master, TIOCPKT, &on) == 0); /* what was before is no news */
    CHECK(!(tty_now(p.master) & POLLIN));
    tty_close(p);
}

/* ---- Ends that go ---- */

static void slave_goes(void)
{
    struct pair p = tty_pair(0);
    char bytes[16];
    CHECK(tty_types(p.master, "typed\n") && tty_reads(p.master, "typed\r\n"));
    CHECK(tty_types(p.slave, "last"));
    close(p.slave);
    CHECK(tty_reads(p.master, "last"));
    CHECK(tty_now(p.master) == (POLLHUP | POLLOUT));
    CHECK_ERROR(read(p.master, bytes, sizeof bytes), EIO);
    CHECK(tty_types(p.master, "again\n"));
    p.slave = open(p.name, O_RDWR | O_NOCTTY);
    CHECK(p.slave >= 0 && !(tty_now(p.master) & POLLHUP));
    CHECK(tty_reads(p.slave, "typed\nagain\n"));
    CHECK(tty_reads(p.master, "again\r\n"));
    tty_close(p);
}

static void master_goes(void)
{
    struct pair p = tty_pair(0);
    struct termios t;
    char bytes[16], path[64];
    int value = 0;
    CHECK(tty_types(p.master, "typed\n"));
    close(p.master);
    CHECK(read(p.slave, bytes, sizeof bytes) == 0);
    CHECK_ERROR(write(p.slave, "x", 1), EIO);
    CHECK_ERROR(tcgetattr(p.slave, &t), EIO);
    CHECK_ERROR(ioctl(p.slave, FIONREAD, &value), EIO);
    CHECK_ERROR(ioctl(p.slave, 0x54ff, &value), EIO);
    CHECK_ERROR(ioctl(p.slave, TIOCSPGRP, &value), ENOTTY);
    CHECK(!isatty(p.slave));
    CHECK(tty_now(p.slave) == (POLLIN | POLLOUT | POLLERR | POLLHUP));
    snprintf(path, sizeof path, "/proc/self/fd/%d", p.slave);
    CHECK_ERROR(open(path, O_RDWR | O_NOCTTY), EIO);
    CHECK(fcntl(p.slave, F_GETFL) == (O_RDWR | O_LARGEFILE | 0x8000));
    close(p.slave);
}

int main(void)
{
    become_docker_root();
    names();
    directory_is_closed();
    numbers();
    opening();
    exclusive();
    modes();
    sizes();
    small_controls();
    refusals();
    copied();
    packets();
    slave_goes();
    master_goes();
    return guest_result();
}
