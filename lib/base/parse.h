/* SPDX-License-Identifier: MIT
 * Text to numbers, in Docker's vocabulary. Pure: no system call. Each returns 0, or -1 with `err`
 * set (class invalid) and a message that names the text.
 */
#ifndef TACKLE_PARSE_H
#define TACKLE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal integer from min to max; no sign before a positive one, no blanks, nothing behind. */
int parse_int(const char *s, int64_t min, int64_t max, int64_t *out);
/* Bytes: "512", "512b", "10M", "10mb", "1.5GiB": units b k m g t p, case-insensitive, always powers
 * of 1024 as Docker's memory options take them. */
int parse_size(const char *s, int64_t *bytes);
/* CPUs: "1.5" gives 1500000000 billionths, as in Docker's NanoCpus. More than 0. */
int parse_cpus(const char *s, int64_t *nano);
/* Time: "90", "90s", "1m30s", "500ms", "2h" (a plain number is seconds) in nanoseconds. */
int parse_duration(const char *s, int64_t *ns);
/* Letters, digits, and after the first also "_.-"; at most max bytes. `what` names the thing in the
 * message. */
int parse_name(const char *what, const char *s, unsigned max);
/* One /-separated path of such names: no empty part, no leading slash, no "." or "..". */
int parse_name_path(const char *what, const char *s);
/* Whether s consists of decimal digits only (a numeric user is a number, never a name). */
bool is_digits(const char *s);

#endif
