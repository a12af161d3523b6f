/* SPDX-License-Identifier: MIT */
#ifndef LX_COMPILER_H
#define LX_COMPILER_H

/* What headers ask of the compiler (gcc and clang). */

#define MUST_USE __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define PACKED __attribute__((packed))
#define ALIGNED(n) __attribute__((aligned(n)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif
