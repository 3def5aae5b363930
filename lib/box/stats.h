/* SPDX-License-Identifier: MIT
 * What a box uses at the moment, in the words of the Docker Engine API (`GET
 * /containers/ID/stats`).
 */
#ifndef TACKLE_BOX_STATS_H
#define TACKLE_BOX_STATS_H

#include "box/box.h"
#include "mech/cgroup.h"

/* What the host has used, looked at once for all boxes. */
struct stats_host {
	int64_t system; /* nanoseconds of processor time of the whole host, idle ones too */
	int64_t memory; /* bytes */
	unsigned processors;
};
void stats_host(struct stats_host *h);

struct stats_look {
	bool runs; /* otherwise all below is 0 */
	int64_t when; /* nanoseconds since 1970 */
	struct stats_host host;
	struct cg_stat g; /* CG_NONE where this host does not count that */
	int64_t received, sent; /* bytes, over all its network links */
	json_t *networks; /* link: {rx_bytes, …}; NULL when it has none of its own, or for CG_FEW */
};

/* A box that is looked at again and again. */
struct stats {
	struct box b;
	json_t *doc; /* box.json; owned */
	enum cg_depth depth; /* stats_document() needs CG_MANY */
	struct cg_watch *group; /* NULL until it is looked at */
	struct stats_look before, now;
};
/* Looks at it in this state: what was `now` becomes `before`. One that does not run is fine. */
void stats_take(struct stats *s, const struct box_state *st, const struct stats_host *h);
/* Closes its files, 12 at most: the next look opens them anew. */
void stats_close(struct stats *s);
#define STATS_FILES 12
void stats_free(struct stats *s);

/* Per cent of one processor between two looks; `before` may be one that was never taken: 0. */
double stats_cpu(const struct stats_look *before, const struct stats_look *now);
/* Memory in use, without pages of files that nobody has touched for long; and what it may have. */
int64_t stats_memory(const struct stats_look *s);
int64_t stats_memory_limit(const struct stats_look *s);

/* The document of the API. New reference. */
json_t *stats_document(const struct stats *s);

#endif
