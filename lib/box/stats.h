/* SPDX-License-Identifier: MIT
 * What a box uses at the moment, in the words of the Docker Engine API (`GET
 * /containers/ID/stats`).
 */
#ifndef TACKLE_BOX_STATS_H
#define TACKLE_BOX_STATS_H

#include "box/box.h"
#include "mech/cgroup.h"

struct stats_look {
	bool runs; /* otherwise all below is 0 */
	int64_t when; /* nanoseconds since 1970 */
	int64_t system; /* nanoseconds of processor time of the whole host, idle ones too */
	int64_t host_memory; /* bytes */
	unsigned processors;
	struct cg_stat g; /* CG_NONE where this host does not count that */
	int64_t received, sent; /* bytes, over all its network links */
	json_t *networks; /* link: {rx_bytes, …}; NULL when it has none of its own */
};

/* Looks at a box in this state; to be freed by stats_free(). One that does not run is fine. */
void stats_take(
	const struct box *b, const json_t *doc, const struct box_state *st, struct stats_look *s);
void stats_free(struct stats_look *s);

/* Per cent of one processor between two looks; `before` may be one that was never taken: 0. */
double stats_cpu(const struct stats_look *before, const struct stats_look *now);
/* Memory in use, without pages of files that nobody has touched for long; and what it may have. */
int64_t stats_memory(const struct stats_look *s);
int64_t stats_memory_limit(const struct stats_look *s);

/* The document of the API. New reference. */
json_t *stats_document(const struct box *b, const json_t *doc, const struct stats_look *before,
	const struct stats_look *now);

#endif
