/* SPDX-License-Identifier: MIT
 * Other places that have what a registry has: a file of lines
 *
 *	docker.io https://mirror.example http://127.0.0.1:5000/cache
 *
 * with a registry's host and the URLs that are asked before it, in this order; # begins a comment.
 * It is $TACKLEBOX_MIRRORS, or else mirrors in $XDG_CONFIG_HOME/tacklebox (~/.config/tacklebox),
 * or else /etc/tacklebox/mirrors.
 */
#ifndef TACKLE_MIRRORS_H
#define TACKLE_MIRRORS_H

#include <stddef.h>

struct mirrors {
	char **urls;
	size_t n;
};

/* The mirrors of a registry (host as in an image's full name); none where no file says so. Lines of
 * the same host add up. mirrors_free() gives it back. Returns 0, or -1 with `err` set. */
int mirrors_of(const char *host, struct mirrors *m);
void mirrors_free(struct mirrors *m);

#endif
