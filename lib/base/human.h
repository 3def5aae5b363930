/* SPDX-License-Identifier: MIT
 * Sizes and times as people read them, in Docker's manner. Pure.
 */
#ifndef TACKLE_HUMAN_H
#define TACKLE_HUMAN_H

#include "base/buf.h"

#include <stdint.h>
#include <time.h>

/* Appends bytes in powers of 1000 with four digits at most: "7.05MB". */
void human_size(int64_t bytes, struct buf *out);
/* Appends how long ago something was: "3 days ago", "About an hour ago". */
void human_ago(time_t then, time_t now, struct buf *out);
/* Appends a time as RFC 3339 has it, in UTC: "2024-05-06T07:08:09Z". */
void time_rfc3339(time_t t, struct buf *out);
/* The same of nanoseconds since 1970, all nine digits of them, as Go prints it; 0 is the year 1,
 * its "never". */
#define TIME_TEXT 40
const char *time_rfc3339_ns(int64_t ns, char text[TIME_TEXT]);
/* Reads such a time, with fractions of seconds (dropped) and any offset. 0, or -1 with `err` set
 * (invalid). */
int parse_rfc3339(const char *text, time_t *t);

#endif
