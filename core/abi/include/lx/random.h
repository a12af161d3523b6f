/* SPDX-License-Identifier: MIT */
#ifndef LX_RANDOM_H
#define LX_RANDOM_H

/*
 * getrandom(2).
 */

#define LX_GRND_NONBLOCK 1
#define LX_GRND_RANDOM 2
#define LX_GRND_INSECURE 4

#endif
