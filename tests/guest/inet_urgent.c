/* SPDX-License-Identifier: MIT */
/* Urgent bytes of internet streams. */

#include "inet_sockets.h"

static void show_mark(int fd)
{
    int mark = -1, bytes = -1;
    CHECK(ioctl(fd, SIOCATMARK, &mark) == 0 && ioctl(fd, FIONREAD, &bytes) == 0);
    printf("mark %d, %d bytes\n", mark, bytes);
    show_poll("it", fd);
}

static void show_read(int fd, size_t size, int flags)
{
    char buf[32] = "";
    shown("recv", recv(fd, buf, size, flags | MSG_DONTWAIT));
    printf("'%s'\n", buf);
}

static void urgent(int in_line)
{
    int fds[2];
    printf("in line: %d\n", in_line);
    connected_pair("127.0.0.1", fds);
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_OOBINLINE, &in_line, sizeof in_line) == 0);
    show_read(fds[1], 8, MSG_OOB);
    SHOW(send(fds[0], "abc", 3, 0));
    SHOW(send(fds[0], "deF", 3, MSG_OOB));
    SHOW(send(fds[0], "gh", 2, 0));
    settle();
    show_mark(fds[1]);
    show_read(fds[1], 2, 0);
    show_read(fds[1], 20, MSG_PEEK);
    show_read(fds[1], 20, 0); /* to the mark */
    show_mark(fds[1]);
    show_read(fds[1], 20, MSG_PEEK);
    show_read(fds[1], 1, MSG_OOB | MSG_PEEK);
    show_read(fds[1], 1, MSG_OOB);
    show_read(fds[1], 1, MSG_OOB);
    show_mark(fds[1]);
    show_read(fds[1], 20, 0); /* beyond */
    show_mark(fds[1]);
    show_read(fds[1], 1, MSG_OOB);
    SHOW(send(fds[0], "X", 1, MSG_OOB)); /* alone */
    settle();
    show_mark(fds[1]);
    show_read(fds[1], 20, 0);
    show_mark(fds[1]);
    SHOW(send(fds[0], "y", 1, 0));
    settle();
    show_read(fds[1], 20, 0);
    SHOW(send(fds[0], "1", 1, MSG_OOB)); /* the second counts */
    SHOW(send(fds[0], "2", 1, MSG_OOB));
    settle();
    show_mark(fds[1]);
    show_read(fds[1], 1, MSG_OOB);
    show_read(fds[1], 20, 0);
    show_read(fds[1], 20, 0);
    char big[5000] = "";
    SHOW(send(fds[0], big, sizeof big, MSG_OOB));
    settle();
    SHOW(recv(fds[1], big, sizeof big, MSG_DONTWAIT));
    show_mark(fds[1]);
    SHOW(recv(fds[1], big, sizeof big, MSG_DONTWAIT | MSG_TRUNC));
    close_both(fds);
}

int main(void)
{
    signal(SIGPIPE, on_pipe);
    urgent(0);
    urgent(1);
    return guest_result();
}
