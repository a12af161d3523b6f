/* SPDX-License-Identifier: MIT */
#ifndef LX_IOCTL_H
#define LX_IOCTL_H

/*
 * Terminals and other device controls.
 *
 * Source  ioctl_tty(2), termios(3), asm-generic/ioctls.h, asm-generic/termbits.h.
 */

#include <stdint.h>

/* requests */
#define LX_TCGETS 0x5401
#define LX_TCSETS 0x5402
#define LX_TCSETSW 0x5403
#define LX_TCSETSF 0x5404
#define LX_TCGETA 0x5405
#define LX_TCSETA 0x5406
#define LX_TCSETAW 0x5407
#define LX_TCSETAF 0x5408
#define LX_TCSBRK 0x5409
#define LX_TCXONC 0x540a
#define LX_TCFLSH 0x540b
#define LX_TIOCEXCL 0x540c
#define LX_TIOCNXCL 0x540d
#define LX_TIOCSCTTY 0x540e
#define LX_TIOCGPGRP 0x540f
#define LX_TIOCSPGRP 0x5410
#define LX_TIOCOUTQ 0x5411
#define LX_TIOCSTI 0x5412
#define LX_TIOCGWINSZ 0x5413
#define LX_TIOCSWINSZ 0x5414
#define LX_TIOCGSOFTCAR 0x5419
#define LX_TIOCSSOFTCAR 0x541a
#define LX_FIONREAD 0x541b
#define LX_TIOCINQ 0x541b
#define LX_TIOCCONS 0x541d
#define LX_TIOCPKT 0x5420
#define LX_FIONBIO 0x5421
#define LX_TIOCNOTTY 0x5422
#define LX_TIOCSETD 0x5423
#define LX_TIOCGETD 0x5424
#define LX_TCSBRKP 0x5425
#define LX_TIOCSBRK 0x5427
#define LX_TIOCCBRK 0x5428
#define LX_TIOCGSID 0x5429
#define LX_TIOCVHANGUP 0x5437
#define LX_TIOCGPTPEER 0x5441
#define LX_FIONCLEX 0x5450
#define LX_FIOCLEX 0x5451
#define LX_FIOASYNC 0x5452
#define LX_TIOCGLCKTRMIOS 0x5456
#define LX_TIOCSLCKTRMIOS 0x5457
#define LX_TIOCSPTLCK 0x40045431
#define LX_TIOCSIG 0x40045436
#define LX_TCSETS2 0x402c542b
#define LX_TCSETSW2 0x402c542c
#define LX_TCSETSF2 0x402c542d
#define LX_TIOCGPTN 0x80045430u
#define LX_TIOCGDEV 0x80045432u
#define LX_TIOCGPKT 0x80045438u
#define LX_TIOCGPTLCK 0x80045439u
#define LX_TIOCGEXCL 0x80045440u
#define LX_TCGETS2 0x802c542au

/* arguments of TCFLSH and TCXONC */
#define LX_TCIFLUSH 0
#define LX_TCOFLUSH 1
#define LX_TCIOFLUSH 2
#define LX_TCOOFF 0
#define LX_TCOON 1
#define LX_TCIOFF 2
#define LX_TCION 3

/* status bytes of TIOCPKT */
#define LX_TIOCPKT_DATA 0
#define LX_TIOCPKT_FLUSHREAD 1
#define LX_TIOCPKT_FLUSHWRITE 2
#define LX_TIOCPKT_STOP 4
#define LX_TIOCPKT_START 8
#define LX_TIOCPKT_NOSTOP 16
#define LX_TIOCPKT_DOSTOP 32
#define LX_TIOCPKT_IOCTL 64

/* termios flags */
#define LX_VINTR 0
#define LX_IGNBRK 01
#define LX_ISIG 01
#define LX_OPOST 01
#define LX_VQUIT 01
#define LX_BRKINT 02
#define LX_ICANON 02
#define LX_OLCUC 02
#define LX_VERASE 02
#define LX_VKILL 03
#define LX_ONLCR 04
#define LX_VEOF 04
#define LX_VTIME 05
#define LX_VMIN 06
#define LX_VSWTC 07
#define LX_ECHO 010
#define LX_OCRNL 010
#define LX_PARMRK 010
#define LX_VSTART 010
#define LX_VSTOP 011
#define LX_VSUSP 012
#define LX_VEOL 013
#define LX_VREPRINT 014
#define LX_VDISCARD 015
#define LX_VWERASE 016
#define LX_B38400 017
#define LX_VLNEXT 017
#define LX_ECHOE 020
#define LX_ONOCR 020
#define LX_VEOL2 020
#define LX_ECHOK 040
#define LX_ISTRIP 040
#define LX_ONLRET 040
#define LX_CS8 060
#define LX_CSIZE 060
#define LX_ECHONL 0100
#define LX_INLCR 0100
#define LX_CREAD 0200
#define LX_IGNCR 0200
#define LX_NOFLSH 0200
#define LX_ICRNL 0400
#define LX_PARENB 0400
#define LX_TOSTOP 0400
#define LX_ECHOCTL 01000
#define LX_IUCLC 01000
#define LX_ECHOPRT 02000
#define LX_HUPCL 02000
#define LX_IXON 02000
#define LX_CLOCAL 04000
#define LX_ECHOKE 04000
#define LX_IXANY 04000
#define LX_TABDLY 014000
#define LX_XTABS 014000
#define LX_CBAUD 010017
#define LX_BOTHER 010000
#define LX_IMAXBEL 020000
#define LX_IUTF8 040000
#define LX_VTDLY 040000
#define LX_IEXTEN 0100000
#define LX_EXTPROC 0200000
#define LX_ADDRB 04000000000
#define LX_IBSHIFT 16

#define LX_NCCS 19

struct lx_termios {
    uint32_t c_iflag, c_oflag, c_cflag, c_lflag;
    uint8_t c_line;
    uint8_t c_cc[LX_NCCS];
};
_Static_assert(sizeof(struct lx_termios) == 36, "ABI");

struct lx_termios2 {
    uint32_t c_iflag, c_oflag, c_cflag, c_lflag;
    uint8_t c_line;
    uint8_t c_cc[LX_NCCS];
    uint32_t c_ispeed, c_ospeed; /* bits a second */
};
_Static_assert(sizeof(struct lx_termios2) == 44, "ABI");

#define LX_NCC 8

struct lx_termio {
    uint16_t c_iflag, c_oflag, c_cflag, c_lflag;
    uint8_t c_line;
    uint8_t c_cc[LX_NCC];
};
_Static_assert(sizeof(struct lx_termio) == 18, "ABI");

struct lx_winsize {
    uint16_t ws_row, ws_col, ws_xpixel, ws_ypixel;
};
_Static_assert(sizeof(struct lx_winsize) == 8, "ABI");

#endif
