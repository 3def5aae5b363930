/* SPDX-License-Identifier: MIT */
#ifndef APID_EXEC_H
#define APID_EXEC_H

#include "base/json.h"
#include "box/attach.h"

/* The note of a program: a new reference, NULL with `err` set (not-found). */
json_t *exec_read(const char *id);
int exec_write(const char *id, const json_t *doc);
/* The keys with which a client leaves its terminal: 0, or -1 with `err` set. */
int exec_keys(const json_t *note, struct attach_keys *keys);
/* An event of its container: with execID, and what `more` has (its reference is taken; NULL:
 * nothing).
 */
void exec_event(const json_t *note, const char *action, json_t *more);

#endif
