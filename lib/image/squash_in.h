/* SPDX-License-Identifier: MIT
 * Inside of squash*.c: what the archive holds (squash_read.c), which layers are merged
 * (squash_from.c), what of them stays (squash_plan.c, with squash_base.c for what lies below and
 * squash_link.c for hard links), the merged layer (squash_layer.c), and the new archive (squash.c,
 * squash_config.c).
 */
#ifndef TACKLE_SQUASH_IN_H
#define TACKLE_SQUASH_IN_H

#include "image/archive.h"
#include "image/image.h"
#include "image/names.h"
#include "image/squash.h"
#include "image/tar_format.h"
#include "image/tar_write.h"
#include "image/window.h"

/* A member of the archive. */
struct squash_member {
	int64_t at, size; /* of its content in the file; at -1: it is no plain file */
	char *link; /* name of the member that it is another name of */
};

/* A layer: number i of the image is v[i - 1], so that 0 can mean none. */
struct squash_layer {
	size_t member;
	bool packed;
	const char *media_type;
	/* By the number of an entry in the tar: of the name under which it goes into the merged
	 * layer, plus one; 0: it does not. */
	uint32_t *out;
	size_t n_out, cap_out;
};

struct squash_archive {
	int fd;
	const char *shown;
	int64_t start, end;
	struct names names; /* of the members */
	struct squash_member *member;
	size_t cap;
	bool oci, docker; /* it has an OCI layout, a manifest.json */
	struct archive_images images;
	/* The one that is squashed. */
	size_t chosen;
	struct image img;
	struct squash_layer *layer;
	size_t keep; /* layers 1 to keep stay */
};

/* ---- squash_read.c ---- */

/* Finds the members and the images. */
int squash_read(struct squash_archive *a);
/* The member of a name, through links; -1 when there is none. */
ssize_t squash_member(const struct squash_archive *a, const char *name);
/* Reads a member that is a document. `kind` is what it is called when it is missing. */
int squash_text(
	const struct squash_archive *a, const char *kind, const char *name, struct buf *out);
/* Reads the chosen image's config, and finds its layers. */
int squash_open_image(struct squash_archive *a);
void squash_archive_free(struct squash_archive *a);

/* One layer as a tar, with the sum of its plain bytes on the way where that is asked for. */
struct squash_source {
	struct window window;
	struct stream *stream;
	struct tar_reader *tar;
	struct sha256 *sum;
};
/* Opens layer i. Never fails. With `sum`, all of it is read and hashed. */
void squash_source_open(
	struct squash_source *s, const struct squash_archive *a, size_t i, bool sum);
void squash_source_close(struct squash_source *s);

/* ---- squash_from.c ---- */

/* Chooses the image; reads --from and sets a->keep. */
int squash_choose(struct squash_archive *a, const char *from);

/* ---- squash_check.c ---- */

/* Hashes the merged layers that are plain, in a thread of its own. */
struct squash_check;
struct squash_check *squash_check_begin(const struct squash_archive *a);
/* Waits for it. 0, or -1 with `err` set when a layer is not what the image says. Frees it. */
int squash_check_end(struct squash_check *c);
/* Whether layer i has the sum that the image says. */
int squash_check_sum(const struct squash_archive *a, size_t i, const char *digest);

/* ---- squash_plan.c ---- */

/* What is known of a path. Numbers of layers; 0: none. The topmost that says so is noted, since the
 * layers are looked at from the top. */
struct squash_node {
	uint16_t winner; /* has the entry that stays */
	uint16_t gone; /* from here on nothing of the layers below shows, at this path and under it:
			  a whiteout, or something that is no directory */
	uint16_t opaque; /* the same under it only */
	uint16_t implied; /* has something under it that stays */
	uint16_t seen; /* the last layer that had an entry here, and its number there */
	uint32_t seen_at;
	uint32_t entry; /* of a directory that stays: its number in dir */
	uint16_t base_gone, base_opaque; /* gone and opaque within the layers that stay */
	bool is_dir; /* what stays */
	bool seen_dir; /* what was seen */
	bool asked, below; /* it matters whether the layers that stay show it; they do */
	bool bare; /* a directory that no entry tells of, nor the layers that stay */
	bool base_known; /* whether they do, is settled */
};

/* A header that is written without its tar at hand: of a directory, of a hard link. */
struct squash_meta {
	mode_t mode;
	int64_t uid, gid;
	struct timespec mtime;
	struct tar_xattr *xattr;
	size_t n_xattr;
};

struct squash_link {
	uint32_t path, target; /* numbers of names */
	uint16_t layer; /* where it was found, and its number there */
	uint32_t at;
	uint16_t to_layer; /* what it is a link to; 0: something of the layers that stay */
	uint32_t to_at;
	bool is_file; /* it took over the content, because the name it had is gone */
	struct squash_meta meta;
};

struct squash_plan {
	struct squash_archive *a;
	struct names names; /* clean paths; 0 is the top */
	struct squash_node *node;
	size_t cap;
	struct squash_meta *dir;
	size_t n_dir, cap_dir;
	struct squash_link *link;
	size_t n_link, cap_link;
	size_t first_waiting; /* links before it wait for nothing */
	uint16_t layer; /* the one at hand */
};

/* Looks at all merged layers, and at those below where it matters. */
int squash_plan(struct squash_plan *p);
void squash_plan_free(struct squash_plan *p);
/* The node of a path, made where it is missing. NULL with `err` set when there are too many. */
struct squash_node *squash_node(struct squash_plan *p, const char *path, size_t len, size_t *at);
struct squash_node *squash_find(const struct squash_plan *p, const char *path, size_t len);
/* Calls fn for each directory above path, from the top ("") on; stops when it returns other than 0.
 */
typedef int squash_above_fn(struct squash_plan *p, const char *path, size_t len);
int squash_above(struct squash_plan *p, const char *path, squash_above_fn *fn);
/* Whether the merged layers above `layer` hide what lies under a directory above path. */
bool squash_covered(const struct squash_plan *p, const char *path, uint16_t layer);
/* What ".wh." names there are in a clean path; *name is the path that is meant. */
enum squash_mark { MARK_NONE, MARK_WHITEOUT, MARK_OPAQUE, MARK_IGNORED };
int squash_mark(char *path, enum squash_mark *mark);

/* ---- squash_base.c ---- */

/* Whether a whiteout of the path has to stay, if there is something below; the same for a mark that
 * makes it opaque. */
bool squash_wants_whiteout(const struct squash_plan *p, size_t at);
bool squash_wants_opaque(const struct squash_plan *p, size_t at);
/* Looks for what these hide in the layers that stay. */
int squash_base(struct squash_plan *p);

/* ---- squash_link.c ---- */

int squash_note_link(struct squash_plan *p, const struct tar_entry *e, size_t path, uint32_t at);
/* At the end of a layer: which links lead into it. */
void squash_settle_links(struct squash_plan *p);
/* At the end of all: links whose target's name is gone take over the content. */
int squash_resolve_links(struct squash_plan *p);
void squash_meta_of(struct squash_meta *m, const struct tar_entry *e);
void squash_meta_free(struct squash_meta *m);

/* ---- squash_layer.c ---- */

/* Writes the merged layer's tar; twice with the same bytes. */
int squash_write_layer(const struct squash_plan *p, struct tar_writer *w);

/* ---- squash_config.c ---- */

/* Appends the new image's config. */
int squash_config(const struct squash_archive *a, const struct squash *how, const char *diff_id,
	struct buf *out);

#endif
