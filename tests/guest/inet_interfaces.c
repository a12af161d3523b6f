/* SPDX-License-Identifier: MIT */
/* What programs learn of network interfaces: netdevice(7), rtnetlink(7), /proc/net.  Of the loopback only. */

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "inet_sockets.h"

static void by_ioctl(int family)
{
    static const struct {
        unsigned long request;
        const char *name;
    } rows[] = {{SIOCGIFFLAGS, "flags"},   {SIOCGIFADDR, "address"},      {SIOCGIFDSTADDR, "peer"},
                {SIOCGIFNETMASK, "mask"},  {SIOCGIFBRDADDR, "broadcast"}, {SIOCGIFMTU, "mtu"},
                {SIOCGIFHWADDR, "device"}, {SIOCGIFINDEX, "index"},       {SIOCGIFMETRIC, "metric"},
                {SIOCGIFTXQLEN, "queue"}};
    int fd = socket(family, SOCK_DGRAM, 0);
    struct ifreq r;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memset(&r, 0, sizeof r);
        strcpy(r.ifr_name, "lo");
        printf("%s: ", rows[i].name);
        if (SHOW(ioctl(fd, rows[i].request, &r)) < 0)
            continue;
        if (rows[i].request == SIOCGIFFLAGS)
            printf("%#x", (unsigned short)r.ifr_flags);
        else if (r.ifr_addr.sa_family == AF_INET && strcmp(rows[i].name, "index") != 0)
            printf("%s", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
        else
            printf("%d", r.ifr_ifindex);
        printf("\n");
    }
    memset(&r, 0, sizeof r);
    strcpy(r.ifr_name, "none");
    SHOW(ioctl(fd, SIOCGIFFLAGS, &r));
    r.ifr_ifindex = 1;
    SHOW(ioctl(fd, SIOCGIFNAME, &r));
    printf("%s\n", r.ifr_name);
    r.ifr_ifindex = 4711;
    SHOW(ioctl(fd, SIOCGIFNAME, &r));
    SHOW(ioctl(fd, SIOCGIFFLAGS, (void *)1));
    struct ifreq list[8];
    struct ifconf conf = {.ifc_len = 0, .ifc_buf = NULL};
    CHECK(ioctl(fd, SIOCGIFCONF, &conf) == 0 && conf.ifc_len >= (int)sizeof r);
    conf = (struct ifconf){.ifc_len = sizeof list, .ifc_req = list};
    CHECK(ioctl(fd, SIOCGIFCONF, &conf) == 0 && conf.ifc_len >= (int)sizeof r);
    printf("%s %s\n", list[0].ifr_name,
           inet_ntoa(((struct sockaddr_in *)&list[0].ifr_addr)->sin_addr));
    close(fd);
}

static void by_library(void)
{
    struct ifaddrs *all = NULL;
    CHECK(getifaddrs(&all) == 0);
    for (struct ifaddrs *a = all; a; a = a->ifa_next) {
        if (strcmp(a->ifa_name, "lo") != 0)
            continue;
        printf("%s flags %#x family %d\n", a->ifa_name, a->ifa_flags, a->ifa_addr->sa_family);
        if (a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6) {
            show_address("address", (union address *)a->ifa_addr, 0);
            show_address("mask", (union address *)a->ifa_netmask, 0);
        }
    }
    freeifaddrs(all);
    printf("index %u\n", if_nametoindex("lo"));
    SHOW((long)if_nametoindex("none") ? 0 : -1);
}

/* The messages themselves. */
static void by_message(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct sockaddr_nl name = {.nl_family = AF_NETLINK}, own;
    socklen_t size = sizeof own;
    SHOW(bind(fd, (struct sockaddr *)&name, sizeof name));
    CHECK(getsockname(fd, (struct sockaddr *)&own, &size) == 0 && own.nl_pid);
    struct {
        struct nlmsghdr h;
        struct rtgenmsg g;
    } ask = {{sizeof ask, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 77, 0}, {AF_INET6}};
    SHOW(sendto(fd, &ask, sizeof ask, 0, (struct sockaddr *)&name, sizeof name) ==
         (ssize_t)sizeof ask);
    char buf[8192];
    for (int done = 0; !done;) {
        size = sizeof name;
        ssize_t n = recvfrom(fd, buf, sizeof buf, 0, (struct sockaddr *)&name, &size);
        CHECK(n > 0 && name.nl_pid == 0 && size == sizeof name);
        int left = (int)n;
        for (struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, left);
             h = NLMSG_NEXT(h, left)) {
            CHECK(h->nlmsg_seq == 77 && h->nlmsg_pid == own.nl_pid && h->nlmsg_flags & NLM_F_MULTI);
            done |= h->nlmsg_type == NLMSG_DONE;
            struct ifaddrmsg *m = NLMSG_DATA(h);
            if (h->nlmsg_type == RTM_NEWADDR && m->ifa_index == 1)
                printf("family %d prefix %d scope %d flags %#x\n", m->ifa_family, m->ifa_prefixlen,
                       m->ifa_scope, m->ifa_flags);
        }
    }
    SHOW(recv(fd, buf, sizeof buf, MSG_DONTWAIT));
    show_poll("asked", fd);
    ask.h.nlmsg_type = 9999;
    ask.h.nlmsg_flags = NLM_F_REQUEST;
    CHECK(send(fd, &ask, sizeof ask, 0) == (ssize_t)sizeof ask);
    show_poll("answered", fd);
    CHECK(recv(fd, buf, sizeof buf, 0) > 0);
    struct nlmsghdr *h = (struct nlmsghdr *)buf;
    printf("type %d error %d\n", h->nlmsg_type, *(int *)NLMSG_DATA(h));
    close(fd);
    SHOW(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
    SHOW(socket(AF_NETLINK, SOCK_RAW, 99));
}

/* The line of a socket in a file of /proc/net. */
static void show_line(const char *file, int fd, int state)
{
    char line[512], wanted[64];
    int found = 0;
    FILE *f = fopen(file, "r");
    CHECK(f != NULL);
    if (!f)
        return;
    snprintf(wanted, sizeof wanted, ":%04X ", (unsigned)port_of(fd));
    while (fgets(line, sizeof line, f)) {
        char local[64], remote[64];
        int shown;
        unsigned unsent, unread;
        if (sscanf(line, " %*d: %63s %63s %x %x:%x", local, remote, &shown, &unsent, &unread) ==
                5 &&
            strcmp(strchr(local, ':'), strtok(strdup(wanted), " ")) == 0 && shown == state) {
            found++;
            *strchr(local, ':') = 0;
            *strchr(remote, ':') = 0;
            printf("%s: %s %s %02X %u %u\n", file, local, remote, shown, unsent, unread);
        }
    }
    CHECK(found == 1);
    fclose(f);
}

static void in_proc(void)
{
    int fds[2], server = listen_at("127.0.0.1", 4), six = listen_at("::1", 4);
    int udp = socket_at(SOCK_DGRAM, "127.0.0.1"), udp6 = socket_at(SOCK_DGRAM, "::");
    connected_pair("127.0.0.1", fds);
    CHECK(write(fds[1], "hello", 5) == 5);
    settle();
    show_line("/proc/net/tcp", server, 0x0a);
    show_line("/proc/net/tcp", fds[0], 0x01);
    show_line("/proc/self/net/tcp6", six, 0x0a);
    show_line("/proc/net/udp", udp, 0x07);
    show_line("/proc/net/udp6", udp6, 0x07);
    close_both(fds);
    close(server);
    close(six);
    close(udp);
    close(udp6);
    char line[256] = "";
    FILE *f = fopen("/proc/net/dev", "r");
    for (int i = 0; f && i < 3 && fgets(line, sizeof line, f); i++)
        if (i < 2)
            printf("%s", line);
    CHECK(strncmp(line, "    lo:", 7) == 0);
    fclose(f);
    f = fopen("/proc/net/if_inet6", "r");
    while (f && fgets(line, sizeof line, f))
        if (strstr(line, " lo\n"))
            printf("%s", line);
    fclose(f);
    f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
    CHECK(f && fgets(line, sizeof line, f));
    printf("%s", line);
    fclose(f);
}

int main(void)
{
    by_ioctl(AF_INET);
    by_ioctl(AF_INET6);
    by_library();
    by_message();
    in_proc();
    return guest_result();
}
