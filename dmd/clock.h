/* SPDX-License-Identifier: ISC */
/* dmd's two clocks. Called by whoever in dmd needs the time. */
#ifndef DMD_CLOCK_H
#define DMD_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, ns: for intervals. */
uint64_t clock_mono_ns(void);

/* CLOCK_REALTIME, Unix ns: for what people and peers see. */
uint64_t clock_unix_ns(void);

#endif
