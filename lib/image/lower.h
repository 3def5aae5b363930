/* SPDX-License-Identifier: MIT
 * Looking into layers that are not mounted, as overlay would: from the top down, where a whiteout
 * or an opaque directory hides what lies below it. Reads only, never follows a symlink.
 */
#ifndef TACKLE_LOWER_H
#define TACKLE_LOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Layers, bottom first, as descriptors of their directories. */
struct lowers {
	const int *fd;
	size_t n;
	bool user_xattr; /* overlay's marks are user.overlay.* */
};

/* What one layer says of a path. */
enum look {
	LOOK_ABSENT, /* nothing: ask the next layer down */
	LOOK_FOUND,
	LOOK_HIDDEN, /* what is here hides whatever lies below */
	LOOK_FAILED, /* errno says how */
};

/* Looks for a path (no leading slash, not empty) in one layer. A part that is "", "." or ".." is no
 * name in a layer, so it cannot be left: LOOK_HIDDEN, in any of them. *parent is the descriptor of
 * its directory, the caller's, when found. *cut is set when a directory on the way is opaque. */
enum look lower_look(
	int layer, const char *path, bool user_xattr, int *parent, struct stat *sb, bool *cut);
/* Finds what all of them show. Returns 1 with *parent as above, 0 when there is nothing, -1 with
 * errno set. */
int lower_find(const struct lowers *l, const char *path, int *parent, struct stat *sb);

/* Overlay's marks. */
bool lower_is_whiteout(const struct stat *sb);
const char *lower_opaque_name(bool user_xattr);
bool lower_is_opaque(int dir, bool user_xattr);

#endif
