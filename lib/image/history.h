/* SPDX-License-Identifier: MIT
 * How an image came to be, as its config tells it, joined with what the store knows of its layers.
 */
#ifndef TACKLE_HISTORY_H
#define TACKLE_HISTORY_H

#include "image/image.h"

#include <time.h>

/* One step of it. The strings belong to the image's config. */
struct history_row {
	const char *created; /* RFC 3339, "" where nobody says */
	const char *created_by;
	const char *comment;
	const struct image_layer *layer; /* NULL: it changed no file */
	int64_t size; /* bytes in the layer's files; 0 without one, -1 where it is not unpacked */
};

struct history {
	struct history_row *v; /* oldest first */
	size_t n;
};

/* Reads it. A config that tells of fewer layers than there are gets rows without a word for the
 * rest; one that tells of more is an error. Free it either way. */
int image_history(const struct store *s, const struct image *img, struct history *h);
void history_free(struct history *h);

#endif
