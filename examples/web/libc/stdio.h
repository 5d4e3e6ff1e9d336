/* SPDX-License-Identifier: ISC */
/* stdio.h: lwIP includes it for messages that are not printed here. */
