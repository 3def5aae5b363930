/* SPDX-License-Identifier: MIT
 * User namespaces that are there before anybody is in them, for files that are to be shown with
 * their ids and namespaces that are to belong to them (user_namespaces(7)).
 *
 * Functions return 0, or -1 with `err` set.
 */
#ifndef TACKLE_USERNS_H
#define TACKLE_USERNS_H

#include "base/buf.h"
#include "mech/ct.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends the text of a uid_map: "0 100000 65536", a range a line. */
void userns_map_text(const struct ct_id_maps *m, struct buf *out);
/* What an id inside is outside; false when it is none. */
bool userns_outside(const struct ct_id_maps *m, uint32_t inside, uint32_t *outside);

/* Makes one that lasts as long as *fd, which is the caller's; -1 in a dry run. */
int userns_make(const struct ct_id_maps *uid, const struct ct_id_maps *gid, int *fd);
/* Makes one that lasts as long as the file `path`, which is made for it, is mounted. Noted for
 * tb-ledger (kind "mount"). */
int userns_pin(const char *path, const struct ct_id_maps *uid, const struct ct_id_maps *gid);
/* Takes it away again; fine when it is not there. */
int userns_unpin(const char *path);

#endif
