/* SPDX-License-Identifier: MIT
 * --link: how one box comes to know another, as Docker had it before networks of one's own: lines
 * in /etc/hosts and variables in the environment (docs.docker.com, "Legacy container links").
 */
#ifndef TACKLE_BOX_LINKS_H
#define TACKLE_BOX_LINKS_H

#include "base/buf.h"
#include "base/json.h"
#include "box/box.h"

#include <stdbool.h>

/* Adds the lines of the links of a box (and its box.json) to `hosts`, and the variables to the list
 * `env`. The other boxes must run and be connected, and each notes in its file "linked" who is
 * linked to it. Where there is one at all, *lock becomes the lock on networks, to be closed once
 * the lines are written: until then the addresses hold. Returns 0, or -1 with `err` set. */
int box_links(const struct box *b, json_t *doc, int *lock, struct buf *hosts, json_t *env);
/* Whether somebody is, or was, linked to it. */
bool links_lead_to(const struct box *b);
/* Its address (network.json) is another now: who is linked to it and runs gets it into his
 * /etc/hosts, as moby has it; the environment of a process is its own. The lock on networks is held
 * exclusively. What fails is complained about. */
void links_follow(const struct box *b, const json_t *net);

#endif
