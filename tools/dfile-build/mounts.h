/* SPDX-License-Identifier: MIT
 * Between the files of RUN --mount.
 */
#ifndef BUILD_MOUNTS_H
#define BUILD_MOUNTS_H

#include "build.h"

/* What stands in the flag; NULL: not said. */
struct asked_mount {
	char *type, *target, *source, *from, *id, *sharing, *env, *size, *mode, *uid, *gid;
	bool ro, rw, required;
	bool env_only; /* a secret that no file shows */
};

/* The mounts of one RUN on their way. */
struct making {
	struct tree *t;
	struct run_mounts *m;
	unsigned count;
};

/* Each makes one, adds its words for ns-exec, and returns 0, or -1 with `err` set. */
typedef int mount_fn(struct task *p, struct making *k, struct asked_mount *m);
mount_fn mount_bind, mount_cache; /* mounts_bind.c, mounts_cache.c */
mount_fn mount_tmpfs, mount_secret, mount_ssh; /* mounts_memory.c */

/* Notes the caches that a RUN asks for, and takes their locks before anything is mounted: in the
 * order of their names, or two stages with the same two caches would wait for each other for ever
 * (mounts_cache.c). */
int mount_note(struct task *p, struct asked_mount *m, void *run_mounts);
int mounts_lock(struct run_mounts *m);

/* What a mount shows of the context, by a path that is clean (mounts_bind.c): root's, as what COPY
 * brings, and without what .dockerignore leaves out. Of the `whole` the top does not count. */
int mount_gather(const struct source *from, const char *path, bool whole, struct items *list);
/* The root of the stage or image that a source lies in. *fd is not the caller's. */
int mount_source(struct task *p, struct making *k, const struct asked_mount *m, int *fd);
/* What a descriptor holds gets a path of the build's own, which is unmounted with the rest. */
int mounts_place(struct making *k, int fd, const char *shown, bool directory, char place[PATH_MAX]);
/* --bind FROM:TARGET:OPTIONS */
void mounts_add(struct making *k, const char *from, const char *target, const char *options);
/* A number that a key gives, or `otherwise`. */
int mounts_number(const char *text, int base, uint32_t otherwise, uint32_t *out);

#endif
