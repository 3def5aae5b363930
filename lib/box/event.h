/* SPDX-License-Identifier: MIT
 * What happens to boxes and volumes, one JSON object a line in $TACKLEBOX_ROOT/events.jsonl, in the
 * words of the Docker Engine API (`GET /events`).
 */
#ifndef TACKLE_BOX_EVENT_H
#define TACKLE_BOX_EVENT_H

#include "base/json.h"
#include "base/opt.h"
#include "box/box.h"

/* Notes an event of a box (its box.json): "start", "die" … `more` (NULL: none) is added to the
 * attributes, which are its image, name and labels. An event that cannot be written is lost: it is
 * not worth failing for. */
void event_box(const json_t *box, const char *action, json_t *more);
/* While *fd, the caller's, is open nobody else has it of this box: so "start" comes before "die",
 * whichever tool is quicker. */
int event_hold(const struct box *b, int *fd);
/* Of anything else: type "volume", "network" or "image". */
void event_note(const char *type, const char *action, const char *id, const json_t *attributes);
/* Path of the file. Returns 0, or -1 with `err` set. */
int event_path(char path[4096]);

/* What somebody wants to know of. */
struct event_query {
	const struct strlist *filters; /* KEY=VALUE, as `docker events --filter` has them */
	int64_t since, until; /* nanoseconds since 1970; until 0: for ever */
	bool (*over)(void *self); /* asked every second: true ends it; may be NULL */
};
/* Looks at the filters: -1 with `err` set for an unknown one. */
int event_check(const struct strlist *filters);
/* Calls fn for each event, also for those that come, until it returns non-zero or `until` has
 * passed. Returns 0, or -1 with `err` set. */
typedef int event_fn(void *self, const json_t *event);
int event_each(const struct event_query *q, event_fn *fn, void *self);

#endif
