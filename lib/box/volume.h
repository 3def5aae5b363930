/* SPDX-License-Identifier: MIT
 * Volumes: directories that outlive boxes, $TACKLEBOX_ROOT/volumes/NAME/_data, with volume.json
 * beside it in the words of the Docker Engine API.
 */
#ifndef TACKLE_BOX_VOLUME_H
#define TACKLE_BOX_VOLUME_H

#include "base/json.h"

#include <limits.h>
#include <stdbool.h>

struct volume {
	char name[256];
	char dir[PATH_MAX]; /* holds _data and volume.json */
	char data[PATH_MAX];
};

/* volumes/, below $TACKLEBOX_ROOT. */
int volume_place(char path[PATH_MAX]);
/* Keeps volumes from being removed (shared), or everybody else from using them (exclusive), as long
 * as *fd is open. */
int volume_lock(bool exclusive, int *fd);
/* Holds the content of one, which is filled from an image when it is empty, until *fd, the
 * caller's, is closed. */
int volume_lock_data(const struct volume *v, int *fd);
/* The volume of that name: 1, 0 when there is none, -1 with `err` set for a name that is none. */
int volume_find(const char *name, struct volume *v);
/* Makes it, unless it is there already: then it is as it was. A NULL name makes an anonymous one,
 * of 64 hex digits, which is undone if what follows fails; one with a name stays, as with dockerd.
 * labels may be NULL. *made says whether. */
int volume_make(const char *name, const json_t *labels, struct volume *v, bool *made);
/* volume.json with Mountpoint. New reference, NULL with `err` set. */
json_t *volume_read(const struct volume *v);
/* Of what volume_read() gave. */
bool volume_is_anonymous(const json_t *doc);
/* Calls each(v, arg) until it returns non-zero, and returns that. */
int volume_each(int (*each)(const struct volume *v, void *arg), void *arg);
/* Removes it; conflict (in-use) when a box has it, which is then named. The lock is held
 * exclusively. */
int volume_remove(const struct volume *v);
/* The same when it is known that no box has it, and the lock was held since. */
int volume_remove_unused(const struct volume *v);
/* The ids of those boxes that have a volume, by its name: a new object of lists. */
json_t *volumes_users(void);

#endif
