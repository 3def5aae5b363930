/* SPDX-License-Identifier: MIT
 * Network namespaces by name, as ip-netns(8) knows them: a file that an nsfs is mounted on.
 */
#ifndef TACKLE_NETNS_H
#define TACKLE_NETNS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct netns {
	char path[PATH_MAX]; /* of the file: /run/netns/NAME, or as it was given */
	int fd; /* open on the namespace; -1 in a dry run that would have made it */
	ino_t ino; /* of the namespace itself: tells whether two files are the same one */
	bool made; /* by netns_open just now */
};

/* The directory of named ones: /run/netns, or $TACKLEBOX_RUN/netns in a user namespace, where the
 * first is not ours to write. Returns 0, or -1 with `err` set. */
int netns_dir(char path[PATH_MAX]);

/* Opens the namespace called `spec`: a path when it holds a slash (/proc/PID/ns/net), else a name.
 * With `make` an absent name is made as `ip netns add` does, and noted, so that netns_remove() and
 * tb-ledger know that it was us. Returns 0, the descriptor owned by the caller, or -1 with `err`
 * set (invalid: the file is no network namespace). */
int netns_open(const char *spec, bool make, struct netns *out);

/* The same with `make`; what is made belongs to the user namespace in the file `user`, whose root
 * has the rights over it (NULL: to ours). */
int netns_open_for(const char *spec, const char *user, struct netns *out);

/* Whether the file at `path` was made by netns_open(). */
bool netns_is_ours(const char *path);
/* Takes the name away again: unmount and unlink, as `ip netns delete`. The namespace itself ends
 * with its last process, and takes its links with it. */
int netns_remove(const char *path);

#endif
