/* SPDX-License-Identifier: ISC */
/*
 * under_asan.h: whether the address sanitizer watches, which takes what a cancelled thread leaves for
 * errors.
 */
#ifndef UNDER_ASAN_H
#define UNDER_ASAN_H

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#define UNDER_ASAN __has_feature(address_sanitizer)
#else
#define UNDER_ASAN 0
#endif

#endif
