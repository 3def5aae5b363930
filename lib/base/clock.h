/* SPDX-License-Identifier: MIT
 * The time, as one number. Pure but for asking the clock.
 */
#ifndef TACKLE_CLOCK_H
#define TACKLE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of CLOCK_REALTIME (since 1970) or CLOCK_MONOTONIC (since some moment, never set
 * back): clock_gettime(2). */
int64_t clock_ns(clockid_t clock);

#endif
