/* SPDX-License-Identifier: MIT
 * A layer: a tar of changes on one side, a directory in overlay's own form on the other.
 *
 * In the tar a file that is gone is an empty file ".wh.NAME", and a directory that hides all that
 * lies below it holds ".wh..wh..opq" (OCI image specification, "Image Layer Filesystem Changeset").
 * On disk overlay wants a character device 0:0 in place of NAME, and the attribute
 * trusted.overlay.opaque=y on the directory (kernel: Documentation/filesystems/overlayfs.rst).
 *
 * Pulling side by side: every layer is applied to a directory of its own with `later` set; when the
 * layers below it are done, layer_complete() does what depends on them.
 *
 *	struct stream_fd in = {.fd = 0, .shown = "standard input"};
 *	struct layer_apply how = {.dir = fd, .shown = "up", .read = stream_fd_read, .self = &in};
 *	struct layer_result r = {0};
 *	if (layer_apply(&how, &r) < 0)
 *		return -1;
 */
#ifndef TACKLE_LAYER_H
#define TACKLE_LAYER_H

#include "image/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where tars come from and go to: see stream.h, which has them ready for descriptors. */
typedef stream_read_fn layer_read_fn;
typedef stream_write_fn layer_write_fn;

/* What a whiteout becomes. */
enum layer_form {
	LAYER_OVERLAY, /* overlay's whiteouts and marks: the directory is a layer or an upper */
	LAYER_FLAT, /* the removal of what was there: it is the tree that a container sees */
};

struct layer_apply {
	int dir; /* the directory, O_PATH or O_RDONLY; stays the caller's */
	const char *shown; /* its name in messages */
	enum layer_form form;
	/* The layers below, BOTTOM FIRST, as descriptors of their directories (LAYER_OVERLAY only).
	 * Where they are known, a directory without an entry of its own takes its attributes from
	 * the topmost that has it, and a hard link to a lower file copies that file up. */
	const int *lower;
	size_t n_lower;
	/* Leaves that to layer_complete(); `lower` is not looked at before. */
	bool later;
	/* user.overlay.* instead of trusted.overlay.*: what overlay mounted with userxattr reads,
	 * and all that a user namespace may write. */
	bool user_xattr;
	/* Everything belongs to the caller, whatever owner the tar names. */
	bool no_owner;
	/* More than that many bytes of file content, or entries: an error (class no-space). 0: no
	 * limit. Memory is bounded in any case. */
	uint64_t max_bytes;
	uint64_t max_entries;
	/* The layer tar, plain or in any compression that libarchive has built in (gzip, bzip2, xz,
	 * lzma, lzip, zstd, lz4, compress). It is read to its end, so hashing here sees every byte
	 * once. */
	layer_read_fn *read;
	void *self;
	/* Names mean what they say: there are no whiteouts. */
	bool literal;
	/* No symlink leads to the place of an entry: one among its parents is an error. For a tar
	 * that has an entry for each directory before what is in it, as ours have: there it can
	 * only be that the tree was changed while it was read. */
	bool no_links;
	/* A directory gives way to nothing but a directory, and nothing else to a directory: an
	 * error (class invalid). With `literal`. */
	bool keep_kinds;
	/* The stream was decompressed already: what looks like a compressed one is not taken for
	 * it. */
	bool is_plain;
	/* Sees the plain tar, each byte once and in order, up to the end of the stream: what a
	 * diff_id is the hash of. NULL: nobody does. */
	layer_write_fn *plain;
	void *plain_self;
};

/* What was done; start from {0}. */
struct layer_result {
	uint64_t entries; /* tar entries, or for a diff: entries written */
	uint64_t bytes; /* of file content, holes not counted */
	uint64_t tar_bytes; /* of the plain tar */
	uint64_t whiteouts; /* and opaque marks */
	uint64_t skipped; /* entries and attributes left out */
	char warning[512]; /* the first of these and why; "" when nothing was left out */
	struct layer_todo *todo; /* what layer_complete() has to do; NULL when nothing */
};

/* Applies one layer tar to the directory. Entries are made one after the other, by calls relative
 * to descriptors of their parents that cannot leave the directory (openat2(2) RESOLVE_IN_ROOT),
 * never following a symlink at the end of a name; a later entry of the same name replaces an
 * earlier one.
 * ".." at the front of a name, a whiteout of ".", and a root that is no directory are errors;
 * absolute names are taken relative; trusted.overlay.* and user.overlay.* attributes are dropped.
 *
 * Returns 0, or -1 with `err` set: the message names the entry, or the offset in the tar. After an
 * error the directory holds what was done so far: the caller removes what it made. */
int layer_apply(const struct layer_apply *how, struct layer_result *r);

/* Does what layer_apply() left with `later`: how->lower holds all layers below. The times of the
 * directories are set here, and whiteouts that hide nothing are removed again. Frees r->todo.
 * Returns 0, or -1 with `err` set. */
int layer_complete(const struct layer_apply *how, struct layer_result *r);

/* Frees what the result holds (r->todo, when layer_complete() will not be called). */
void layer_result_free(struct layer_result *r);

/* One change, for `docker diff` and its like. Returns 0, or -1 with `err` set to stop. */
enum layer_change { LAYER_CHANGED = 'C', LAYER_ADDED = 'A', LAYER_DELETED = 'D' };
typedef int layer_change_fn(void *self, enum layer_change kind, const char *path);

struct layer_diff {
	int dir; /* the upper directory of an overlay, or with `from` a plain tree; the caller's */
	const char *shown;
	/* What a plain tree is compared with (a directory's descriptor), -1: dir is in overlay's
	 * form. */
	int from;
	/* The layers below an upper, bottom first: they tell added from changed, and what an opaque
	 * directory hides. Without any, overlay's own notes on copied files must do. */
	const int *lower;
	size_t n_lower;
	bool user_xattr; /* overlay's marks are user.overlay.* */
	/* Paths below dir that do not count, nor does what is below them, nor that a directory was
	 * touched for their sake: the mount points of a container. */
	const char *const *except;
	size_t n_except;
	/* No comparison and no layer: all that is in dir is written, whatever it is called. With
	 * `only`, just this name in it, and all that is below it, called `as` in the tar. */
	bool whole;
	const char *only, *as;
	/* The top itself gets no entry: a layer that says nothing of what it is put upon. */
	bool no_top;
	/* Devices of other file systems that are walked into; others are left out. */
	const dev_t *mounts;
	size_t n_mounts;
	/* The plain tar goes here: entries sorted by name, pax with nanoseconds where there are
	 * any, no user names, so the same tree gives the same bytes. NULL: no tar. */
	layer_write_fn *write;
	void *self;
	/* Each changed path ("/etc/passwd"), sorted, parents before what is in them. NULL: nobody.
	 */
	layer_change_fn *change;
	void *change_self;
	/* What cannot be said in a tar (a socket, a name that starts with ".wh.") is left out,
	 * counted and the first of it named in r->warning. */
};

/* Finds what changed, and writes it as a layer tar. Reads the tree without following any symlink or
 * crossing into another mount. Returns 0, or -1 with `err` set. */
int layer_diff(const struct layer_diff *how, struct layer_result *r);

#endif
