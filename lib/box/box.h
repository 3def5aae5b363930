/* SPDX-License-Identifier: MIT
 * A box: a container as a directory, $TACKLEBOX_ROOT/boxes/ID.
 *
 *	config.json   how it runs: OCI runtime specification, with root/ as the root file system
 *	box.json      what else was asked for: name, image, limits, network, ports
 *	lock          held (flock) from the start to the end of the clean-up: then the box runs
 *	exit          "STATUS TIME": how and when it ended last
 *	pid           of its first process, for people and for signals
 *	log           what it wrote, one JSON object a line
 *	upper/ work/ root/
 *
 * names/NAME is a symlink to ../boxes/ID: symlink(2) reserves a name, for one only.
 */
#ifndef TACKLE_BOX_H
#define TACKLE_BOX_H

#include "base/json.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct box {
	char id[65];
	char dir[PATH_MAX];
};

enum box_status { BOX_CREATED, BOX_RUNNING, BOX_PAUSED, BOX_EXITED };

struct box_state {
	enum box_status status;
	int exit; /* of BOX_EXITED; 255 when nobody saw the end: box-mon was killed, or a reboot */
	int64_t started, finished; /* seconds since 1970; 0: never, or not known */
	pid_t pid; /* first process, 0: none */
};

/* Path of a file in the box. */
void box_path(const struct box *b, const char *name, char path[PATH_MAX]);
/* boxes/, or with `names` names/, below $TACKLEBOX_ROOT. */
int box_places(bool names, char path[PATH_MAX]);
/* Finds a box by its name, its id, or the beginning of one. -1 with `err` set: not-found, or
 * conflict for a beginning that several have. */
int box_find(const char *text, struct box *b);
/* Calls each(b, arg) for every box until it returns non-zero, and returns that. */
int box_each(int (*each)(const struct box *b, void *arg), void *arg);
/* config.json or box.json. New reference, or NULL with `err` set. */
json_t *box_read(const struct box *b, const char *file);
/* Looks at lock and files. */
void box_state(const struct box *b, struct box_state *st);
/* "created", "running" … */
const char *box_status_word(enum box_status s);
/* Takes the lock without waiting; *fd is the caller's. conflict when the box runs, not-found when
 * it has been removed meanwhile. */
int box_lock(const struct box *b, int *fd);
/* Waits until the box does not run. */
int box_wait(const struct box *b);
/* The first process of a running box; conflict when it does not run. */
int box_pid(const struct box *b, pid_t *pid);
/* Removes the directory and its name. The caller holds the lock. */
int box_remove(const struct box *b);
/* The number of a signal: "TERM", "SIGTERM", "15". -1 with `err` set. */
int box_signal(const char *text);

/* The cgroup, and the name of its network namespace. */
void box_group(const struct box *b, char name[96]);
void box_netns(const struct box *b, char name[32]);
/* The bridge of --network bridge: $TACKLEBOX_BRIDGE, or tacklebox0. */
const char *box_bridge(void);

#endif
