/* SPDX-License-Identifier: MIT
 * What happens to boxes and volumes, one JSON object a line in $TACKLEBOX_ROOT/events.jsonl, in the
 * words of the Docker Engine API (`GET /events`).
 */
#ifndef TACKLE_BOX_EVENT_H
#define TACKLE_BOX_EVENT_H

#include "base/json.h"

/* Notes an event of a box (its box.json): "start", "die" … `more` (NULL: none) is added to the
 * attributes, which are its image, name and labels. An event that cannot be written is lost: it is
 * not worth failing for. */
void event_box(const json_t *box, const char *action, json_t *more);
/* Of anything else: type "volume", "network" or "image". */
void event_note(const char *type, const char *action, const char *id, const json_t *attributes);
/* Path of the file. Returns 0, or -1 with `err` set. */
int event_path(char path[4096]);

#endif
