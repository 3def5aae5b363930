/* SPDX-License-Identifier: MIT
 * Reading what a box has written: log, and log.1, log.2 … that were set aside before (box-mon).
 */
#ifndef TACKLE_BOX_LOG_H
#define TACKLE_BOX_LOG_H

#include "box/box.h"

struct log_line {
	const char *text; /* with its newline, if it has one */
	size_t len;
	bool error; /* of standard error */
	const char *time; /* RFC 3339, nine digits of a second */
	int64_t when; /* the same in nanoseconds since 1970, where the query has a bound */
};
typedef int log_fn(void *self, const struct log_line *line);

struct log_query {
	int64_t since, until; /* nanoseconds since 1970; 0: no bound */
	int64_t tail; /* so many of the last ones; negative: all */
	bool follow; /* and what comes, until the box ends */
	bool (*over)(
		void *self); /* asked now and then while following: true ends it; may be NULL */
};
/* Calls fn for each line until it returns non-zero, and returns that; -1 with `err` set. A box that
 * keeps no log has none. */
int log_each(const struct box *b, const struct log_query *q, log_fn *fn, void *self);
/* "2026-11-24T10:00:00Z", "1795448657.5", or "10m" ago, as nanoseconds since 1970. */
int log_parse_time(const char *text, int64_t *ns);

#endif
