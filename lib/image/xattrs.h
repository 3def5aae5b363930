/* SPDX-License-Identifier: MIT
 * The extended attributes of a file, read for a layer: those that belong to the file, not to the
 * host or to overlay. Sorted by name. See xattr(7).
 */
#ifndef TACKLE_XATTRS_H
#define TACKLE_XATTRS_H

#include "image/tar_read.h"

#include <stdbool.h>

/* Start from {0}; may be read into again and again. */
struct xattrs {
	struct tar_xattr *v;
	size_t n, cap;
	char *text; /* names and values */
	size_t text_cap;
};

/* Reads the attributes of an open file (name ""), or of what name is in a directory, not followed,
 * by way of /proc/self/fd. Left out: trusted.overlay.*, user.overlay.*, and the security labels
 * that are the host's (selinux, ima, evm). A file system without attributes has none. Returns 0, or
 * -1 with errno set. */
int xattrs_read(struct xattrs *x, int fd, const char *name);
bool xattrs_equal(const struct xattrs *a, const struct xattrs *b);
void xattrs_free(struct xattrs *x);

/* Whether overlay keeps its own notes in this attribute. */
bool xattr_is_overlays(const char *name);

#endif
