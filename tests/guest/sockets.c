/* SPDX-License-Identifier: MIT */
/* Socket calls on what is no socket. */

#include <fcntl.h>
#include <sys/socket.h>

#include "guest.h"

int main(void)
{
    int fds[2], value = 0;
    char buf[16];
    struct sockaddr address = {.sa_family = AF_UNIX};
    socklen_t length = sizeof address;
    struct msghdr message = {0};
    CHECK(pipe(fds) == 0);
    int directory = open(".", O_RDONLY);
    const int all[] = {fds[0], fds[1], directory};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int fd = all[i];
        CHECK_ERROR(bind(fd, &address, length), ENOTSOCK);
        CHECK_ERROR(connect(fd, &address, length), ENOTSOCK);
        CHECK_ERROR(listen(fd, 1), ENOTSOCK);
        CHECK_ERROR(accept(fd, NULL, NULL), ENOTSOCK);
        CHECK_ERROR(accept4(fd, NULL, NULL, SOCK_CLOEXEC), ENOTSOCK);
        CHECK_ERROR(getsockname(fd, &address, &length), ENOTSOCK);
        CHECK_ERROR(getpeername(fd, &address, &length), ENOTSOCK);
        CHECK_ERROR(send(fd, buf, 1, 0), ENOTSOCK);
        CHECK_ERROR(recv(fd, buf, 1, 0), ENOTSOCK);
        CHECK_ERROR(sendmsg(fd, &message, 0), ENOTSOCK);
        CHECK_ERROR(recvmsg(fd, &message, 0), ENOTSOCK);
        CHECK_ERROR(shutdown(fd, SHUT_RD), ENOTSOCK);
        length = sizeof value;
        CHECK_ERROR(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length), ENOTSOCK);
        CHECK_ERROR(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value), ENOTSOCK);
        length = sizeof address;
    }
    CHECK_ERROR(listen(999, 1), EBADF);
    CHECK_ERROR(send(-1, buf, 1, 0), EBADF);
    CHECK_ERROR(getsockname(999, &address, &length), EBADF);
    return guest_result();
}
