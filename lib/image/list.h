/* SPDX-License-Identifier: MIT
 * All images of the store, and which of them somebody wants to see.
 */
#ifndef TACKLE_LIST_H
#define TACKLE_LIST_H

#include "base/opt.h"
#include "image/image.h"

#include <stdbool.h>
#include <time.h>

/* One for each entry of index.json: an image with two names is there twice. */
struct image_list {
	struct image *v;
	size_t n;
};

/* Reads them, in the order of the index. One that cannot be read is left out; `left_out` gets a
 * line for it. Free the list either way. */
int images_list(const struct store *s, struct image_list *l, struct buf *left_out);
void images_list_free(struct image_list *l);

/* When it was made; 0 where the config does not say. */
time_t image_created(const struct image *img);
/* Appends repository and tag as people know them, "<none>" for what there is not. */
void image_shown_name(const struct image *img, struct buf *repository, struct buf *tag);

/* What `docker images --filter` knows, all of which must hold, and one of several references:
 * dangling=true, label=KEY[=VALUE], reference=PATTERN (as for a file name, of the short name with
 * or without its tag), before=IMAGE, since=IMAGE. */
struct image_filter {
	const struct strlist *words;
	time_t before, since; /* 0: none */
};
/* Looks at the words, and for the images that some of them name. -1 with `err` set. */
int image_filter_ready(const struct store *s, const struct strlist *words, struct image_filter *f);
bool image_filter_passes(const struct image_filter *f, const struct image *img);

#endif
