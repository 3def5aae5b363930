/* SPDX-License-Identifier: MIT
 * Boxes whose root is nobody on the host: HostConfig.UsernsMode, which --userns sets, says where
 * the ids come from.
 *
 *	"", "host"	those of the host (what is not said is $TACKLEBOX_USERNS)
 *	"auto"		65536 that no other box has, of those that /etc/subuid and /etc/subgid give
 *			to one of the users tacklebox, dockremap, containers
 *	"UID:GID:COUNT"	these
 *	"USER", "USER:GROUP"
 *			all that these files give to USER (and GROUP), as for dockerd's
 *			--userns-remap; "default" is dockremap
 *
 * HostConfig.IDMappings is what came of it: {"UidMap": ["0:100000:65536"], "GidMap": [...]}, each
 * IN:OUT:COUNT; absent for the host's. On the disk (layers, the box's own layer, volumes) all ids
 * are those that the box knows, and only its mounts show them shifted: so a range is free as
 * soon as its box is gone.
 */
#ifndef TACKLE_BOX_USERNS_H
#define TACKLE_BOX_USERNS_H

#include "box/box.h"
#include "mech/ct.h"

/* Whether that mode is one of its own. */
bool box_userns_is_own(const char *mode);
/* Sets UsernsMode where it is empty and $TACKLEBOX_USERNS says what it is to be. */
void box_userns_default(json_t *h);
/* Whether the HostConfig's other modes go with it. 0, or -1 with `err` set. */
int box_userns_check(const json_t *h);
/* Sets IDMappings of the document. *lock, the caller's, is held until box.json is there: meanwhile
 * nobody else chooses. 0, or -1 with `err` set. */
int box_userns_choose(json_t *doc, int *lock);

/* What is mapped, from box.json: whether anything is. The caller frees uid->v and gid->v. */
bool box_userns_read(const json_t *doc, struct ct_id_maps *uid, struct ct_id_maps *gid);
/* The same as "uidMappings" and "gidMappings" of the OCI runtime specification, put into `lin`. */
void box_userns_mappings(const json_t *doc, json_t *lin);
/* Whether the box has group gid. */
bool box_userns_has_gid(const json_t *doc, uint32_t gid);

/* The file that is its user namespace while it runs. */
void box_userns_path(const struct box *b, char path[PATH_MAX]);
/* Of a process that runs in it: *fd is the caller's, -1 where it is the host's. */
int box_userns_open(const json_t *doc, pid_t pid, int *fd);
/* "container:BOX" among its modes: 1 and *other when its user namespace is that of another box; 0,
 * or -1 with `err` set. */
int box_userns_other(const json_t *h, struct box *other);

#endif
