/* SPDX-License-Identifier: MIT
 * What is to be seen of a box: for the table of box-ps, and in the words of the Docker Engine API
 * (`GET /containers/json` and `GET /containers/ID/json`).
 */
#ifndef TACKLE_BOX_SHOW_H
#define TACKLE_BOX_SHOW_H

#include "base/buf.h"
#include "box/box.h"

struct box_look {
	struct box b;
	struct box_state st;
	json_t *doc; /* box.json; the caller's */
};

/* Looks once. -1 with `err` set when it is there no more. */
int box_look(const struct box *b, struct box_look *l);

/* "starting", "healthy", "unhealthy", or "none" without a health check. */
const char *show_health(const struct box_look *l);
/* "Up 3 minutes (Paused)", "Exited (0) 2 hours ago". */
void show_status(const struct box_look *l, struct buf *out);
/* Its command as a shell has it. */
void show_command(const struct box_look *l, struct buf *out);
/* "0.0.0.0:8080->80/tcp, 443/tcp". */
void show_ports(const struct box_look *l, struct buf *out);
/* The name its image was asked for by. */
const char *show_image(const struct box_look *l);
/* Bytes it has written, and what that is upon: "12kB (virtual 5.1MB)". */
void show_size(const struct box_look *l, struct buf *out);
/* Bytes of the files in a directory. */
int64_t tree_size(const char *path);
/* Bytes in upper/, and with the layers below it. */
void box_sizes(const struct box_look *l, int64_t *own, int64_t *all);

/* The item of GET /containers/json, and the document of GET /containers/ID/json, with sizes if
 * asked for. New references. */
json_t *show_item(const struct box_look *l, bool size);
json_t *show_document(const struct box_look *l, bool size);

#endif
