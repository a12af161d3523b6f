/* SPDX-License-Identifier: MIT */
/* ioctl(2) on sockets about network interfaces, netdevice(7): there is the loopback. */

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/inet.h"
#include "lx/socket.h"
#include "shim/user.h"
#include "sys/socket.h"

#define INTERFACE_REQUESTS 0x8900u /* to 0x89ff */

static void set_address(struct lx_ifreq *r, uint8_t first, uint8_t last)
{
    memset(r->bytes, 0, sizeof r->bytes);
    r->address.sin_family = LX_AF_INET;
    r->address.sin_addr[0] = first;
    r->address.sin_addr[3] = last;
}

/* SIOCGIFCONF: all interfaces with an address of IPv4, or without a place for them their size. */
static int64_t list(lx_uptr arg)
{
    struct lx_ifconf conf;
    struct lx_ifreq r = {.ifr_name = VFS_LOOPBACK_NAME};
    int err = shim_copy_in(&conf, arg, sizeof conf);
    if (err < 0)
        return err;
    int fits = conf.ifc_len >= (int32_t)sizeof r;
    set_address(&r, 127, 1);
    if (conf.ifc_req && fits)
        err = shim_copy_out(conf.ifc_req, &r, sizeof r);
    conf.ifc_len = fits || !conf.ifc_req ? sizeof r : 0;
    return err < 0 ? err : shim_copy_out(arg, &conf, sizeof conf);
}

/* Of the addresses of IPv4 only a socket of that family knows. */
static int is_of_ipv4(uint32_t request)
{
    return request == LX_SIOCGIFADDR || request == LX_SIOCGIFDSTADDR ||
           request == LX_SIOCGIFBRDADDR || request == LX_SIOCGIFNETMASK;
}

/* What is asked of the loopback: 0, -LX_ENOTTY. */
static int answer(uint32_t request, struct lx_ifreq *r)
{
    switch (request) {
    case LX_SIOCGIFFLAGS:
        r->flags = LX_IFF_UP | LX_IFF_LOOPBACK | LX_IFF_RUNNING;
        return 0;
    case LX_SIOCGIFADDR:
    case LX_SIOCGIFDSTADDR:
        set_address(r, 127, 1);
        return 0;
    case LX_SIOCGIFBRDADDR:
        set_address(r, 0, 0);
        return 0;
    case LX_SIOCGIFNETMASK:
        set_address(r, 255, 0);
        return 0;
    case LX_SIOCGIFMETRIC:
        r->number = 0;
        return 0;
    case LX_SIOCGIFMTU:
        r->number = VFS_LOOPBACK_MTU;
        return 0;
    case LX_SIOCGIFHWADDR:
        memset(r->bytes, 0, sizeof r->bytes);
        r->address.sin_family = LX_ARPHRD_LOOPBACK;
        return 0;
    case LX_SIOCGIFINDEX:
        r->number = VFS_LOOPBACK_INDEX;
        return 0;
    case LX_SIOCGIFTXQLEN:
        r->number = VFS_LOOPBACK_QUEUE;
        return 0;
    default:
        return -LX_ENOTTY;
    }
}

int64_t sys_interface_control(uint32_t family, uint32_t request, lx_uptr arg)
{
    struct lx_ifreq r;
    if ((request & ~0xffu) != INTERFACE_REQUESTS || (is_of_ipv4(request) && family != LX_AF_INET))
        return -LX_ENOTTY;
    if (request == LX_SIOCGIFCONF)
        return list(arg);
    int err = shim_copy_in(&r, arg, sizeof r);
    if (err < 0)
        return err;
    r.ifr_name[LX_IFNAMSIZ - 1] = 0;
    if (request == LX_SIOCGIFNAME) {
        err = r.number == VFS_LOOPBACK_INDEX ? 0 : -LX_ENODEV;
        core_str_copy(r.ifr_name, sizeof r.ifr_name, VFS_LOOPBACK_NAME);
    } else {
        err = core_str_equal(r.ifr_name, VFS_LOOPBACK_NAME) ? answer(request, &r) : -LX_ENODEV;
    }
    return err < 0 ? err : shim_copy_out(arg, &r, sizeof r);
}
