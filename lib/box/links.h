/* SPDX-License-Identifier: MIT
 * --link: how one box comes to know another, as Docker had it before networks of one's own: lines
 * in /etc/hosts and variables in the environment (docs.docker.com, "Legacy container links").
 */
#ifndef TACKLE_BOX_LINKS_H
#define TACKLE_BOX_LINKS_H

#include "base/buf.h"
#include "base/json.h"

/* Adds the lines of HostConfig.Links to `hosts`, and the variables to the list `env`. The other
 * boxes must run and be connected. Returns 0, or -1 with `err` set. */
int box_links(json_t *doc, struct buf *hosts, json_t *env);

#endif
