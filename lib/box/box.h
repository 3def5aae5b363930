/* SPDX-License-Identifier: MIT
 * A box: a container as a directory, $TACKLEBOX_ROOT/boxes/ID.
 *
 *	box.json      what was asked for: image, Config, HostConfig, mounts (merge.h)
 *	config.json   how it runs: OCI runtime specification, with root/ as the root file system
 *	lock          held (flock) from the start to the end of the clean-up: then the box runs
 *	started       "SECONDS.NANOSECONDS": when its program began last
 *	exit          "STATUS SECONDS.NANOSECONDS": how and when it ended last
 *	error         why it could not be started, one JSON object
 *	stopped restarting restarts     its restart policy (policy.h)
 *	health.json   what came of its health checks, while it runs
 *	oom, paused   there when the kernel ended one of its processes, or it is frozen
 *	pid           of its first process, for people
 *	network.json  where it is connected, while it runs
 *	linked        the ids of boxes that are linked to it (links.h)
 *	log           what it wrote, one JSON object a line
 *	hosts hostname resolv.conf      its own, below /etc
 *	upper/ work/ root/
 *	layer.img layer/                a writable layer of a given size (layer.h)
 *
 * names/NAME is a symlink to ../boxes/ID: symlink(2) reserves a name, for one only. Its sockets lie
 * in $TACKLEBOX_RUN/<first 12 digits of ID>/.
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

enum box_status { BOX_CREATED, BOX_RUNNING, BOX_PAUSED, BOX_RESTARTING, BOX_EXITED };

struct box_state {
	enum box_status status;
	bool busy; /* somebody holds the lock: it is made, started, cleaned up or runs */
	bool oom;
	int exit; /* of BOX_EXITED and BOX_RESTARTING; 255 when nobody saw the end: box-mon was
		     killed, or a reboot */
	int64_t started, finished; /* nanoseconds since 1970; 0: never, or not known */
	pid_t pid; /* first process, 0: none */
};

/* 64 hex digits that nobody has. */
int box_random_id(char id[65]);
/* The box of that id, whether it is there or not. */
int box_of(const char *id, struct box *b);
/* Path of a file in the box. */
void box_path(const struct box *b, const char *name, char path[PATH_MAX]);
/* boxes/, or with `names` names/, below $TACKLEBOX_ROOT. */
int box_places(bool names, char path[PATH_MAX]);
/* Its directory for sockets, below $TACKLEBOX_RUN; not made. */
int box_run_dir(const struct box *b, char path[PATH_MAX]);
/* Finds a box by its id, its name, or the beginning of an id. -1 with `err` set: not-found, or
 * conflict for a beginning that several have. */
int box_find(const char *text, struct box *b);
/* Calls each(b, arg) for every box until it returns non-zero, and returns that. */
int box_each(int (*each)(const struct box *b, void *arg), void *arg);
/* config.json or box.json. New reference, or NULL with `err` set. */
json_t *box_read(const struct box *b, const char *file);
/* The same for one that may be absent: NULL without `err`. */
json_t *box_read_if(const struct box *b, const char *file);
/* No limit, in the words of config.json; there the compact form has it as a number. */
#define BOX_UNLIMITED "18446744073709551615"
/* Replaces such a file, durable. What people read is indented; config.json, of which most is the
 * filter of system calls, is not: it is read at each start. */
int box_write(const struct box *b, const char *file, const char *why, const json_t *doc);
int box_write_compact(const struct box *b, const char *file, const char *why, const json_t *doc);
/* "Config.Tty" of box.json: borrowed, NULL when it is not there. */
json_t *box_value(const json_t *doc, const char *path);
/* The same as text, "" when it is none; and as a flag. */
const char *box_text(const json_t *doc, const char *path);
bool box_flag(const json_t *doc, const char *path);
/* Whether a file of that name is in the box. */
bool box_has_file(const struct box *b, const char *name);
/* Looks at lock and files. */
void box_state(const struct box *b, struct box_state *st);
/* Whether the box (box.json) has a health check (box-health). */
bool box_has_check(const json_t *doc);
/* "created", "running" … */
const char *box_status_word(enum box_status s);
/* Takes the lock without waiting; *fd is the caller's. conflict when the box runs, not-found when
 * it has been removed meanwhile. */
int box_lock(const struct box *b, int *fd);
/* Waits until the box does not run, at most `timeout` nanoseconds (negative: for ever). Returns 1,
 * 0 when it still does, or -1 with `err` set. */
int box_wait(const struct box *b, int64_t timeout);
/* The first process of a running box, and a descriptor of it, which the caller closes (NULL: not
 * wanted). conflict when it does not run. A paused one counts when `paused`. */
int box_pid(const struct box *b, bool paused, pid_t *pid, int *pidfd);
/* Gives the name to the box: conflict when another one has it. */
int box_take_name(const struct box *b, const char *name);
/* Takes it away again, if it is this box's. */
int box_drop_name(const struct box *b, const char *name);
/* Removes the directory and its name; with `volumes` also the anonymous volumes that no other box
 * has. The caller holds the lock. */
int box_remove(const struct box *b, bool volumes);
/* The number of a signal: "TERM", "SIGTERM", "15", "RTMIN+3". -1 with `err` set. */
int box_signal(const char *text);

/* The cgroup, and the name of its network namespace. */
void box_group(const struct box *b, char name[96]);
void box_netns(const struct box *b, char name[32]);
/* The bridge of --network bridge: $TACKLEBOX_BRIDGE, or tacklebox0. */
const char *box_bridge(void);

#endif
