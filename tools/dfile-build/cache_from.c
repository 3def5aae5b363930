/* SPDX-License-Identifier: MIT
 * --cache-from: an image that may have been built by others, elsewhere. Its layers and its history
 * are compared with ours so far; where both are the same, its next layer is ours if the step is.
 *
 * Of RUN and the settings the text says that, in the words of each builder. Of COPY and ADD it
 * cannot, for nobody but the builder knows what their sums are of: so it is done, and when the
 * files turn out to be those of the image's layer, that one is taken. What comes after it is
 * found, then.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "image/image.h"

#include <fcntl.h>
#include <string.h>

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool
row_has_layer(const json_t *row)
{
	return !json_is_true(json_object_get(row, "empty_layer"));
}

static const char *
text_of(const json_t *row)
{
	const char *by = json_string_value(json_object_get(row, "created_by"));
	return by ? by : "";
}

/* Whether two rows say the same: "RUN /bin/sh -c x", "ENV A=1". BuildKit adds " # buildkit"; the
 * older builder and buildah write "/bin/sh -c x" and "/bin/sh -c #(nop)  ENV A=1". */
static bool
same_words(const char *theirs, const char *ours)
{
	static const char nop[] = "/bin/sh -c #(nop) ", kit[] = " # buildkit";
	size_t n = strlen(theirs);
	if (n > sizeof(kit) - 1 && strcmp(theirs + n - sizeof(kit) + 1, kit) == 0)
		n -= sizeof(kit) - 1;
	if (begins(theirs, nop)) {
		size_t skip = sizeof(nop) - 1 + strspn(theirs + sizeof(nop) - 1, " ");
		theirs += skip;
		n -= skip;
	} else if (!begins(theirs, "RUN ") && begins(ours, "RUN ")) {
		ours += 4;
	}
	return strncmp(theirs, ours, n) == 0 && !ours[n];
}

/* What an ARG is, is said by the RUN that sees it. */
static bool
same_text(const char *theirs, const char *ours)
{
	return strcmp(theirs, ours) == 0 || same_words(theirs, ours) ||
		(begins(ours, "ARG ") && strstr(theirs, "ARG "));
}

/* What was copied is said by the layer. */
static bool
same_row(const json_t *theirs, const json_t *ours)
{
	const char *a = text_of(theirs), *b = text_of(ours);
	if (row_has_layer(theirs) != row_has_layer(ours))
		return false;
	return same_text(a, b) ||
		((begins(b, "COPY ") || begins(b, "ADD ")) && row_has_layer(ours));
}

/* The image as far as we have come: its next row, NULL when it is another one. */
static const json_t *
next_row(const struct task *p, const char *name, struct image *img)
{
	const struct state *st = &p->s->st;
	const json_t *ours = json_object_get(st->config, "history");
	size_t n = json_array_size(ours);
	if (image_find(p->b->store, name, img) < 0 || img->n < st->n)
		return NULL;
	const json_t *theirs = json_object_get(img->config, "history");
	for (size_t i = 0; i < st->n; i++)
		if (strcmp(img->layers[i].diff_id, st->layers[i].diff_id) != 0)
			return NULL;
	for (size_t i = 0; i < n; i++)
		if (!same_row(json_array_get(theirs, i), json_array_get(ours, i)))
			return NULL;
	return json_array_get(theirs, n);
}

static bool
take_time(const json_t *row, struct build_record *r)
{
	time_t created = 0;
	const char *when = json_string_value(json_object_get(row, "created"));
	if (when && parse_rfc3339(when, &created) < 0)
		return false;
	r->created = created;
	return true;
}

static bool
take_layer(const struct task *p, const struct image *img, struct build_record *r)
{
	const struct state *st = &p->s->st;
	if (img->n <= st->n || !store_has_layer(p->b->store, img->layers[st->n].chain))
		return false;
	/* Made at another time than SOURCE_DATE_EPOCH says, its files may be younger. */
	if (p->b->clamp && r->created != p->b->now)
		return false;
	const struct image_layer *l = &img->layers[st->n];
	r->has_layer = true;
	r->layer.size = l->blob.size;
	memcpy(r->layer.diff_id, l->diff_id, DIGEST_SIZE);
	memcpy(r->layer.blob, l->blob.digest, DIGEST_SIZE);
	memcpy(r->layer.chain, l->chain, DIGEST_SIZE);
	memcpy(r->layer.media_type, l->blob.media_type, sizeof(r->layer.media_type));
	return true;
}

static bool
by_text(const struct task *p, const char *name, struct build_record *r)
{
	auto_image struct image img = {0};
	const json_t *row = next_row(p, name, &img);
	if (!row || !same_text(text_of(row), buf_str(&p->by)))
		return false;
	*r = (struct build_record){0};
	return take_time(row, r) && (!row_has_layer(row) || take_layer(p, &img, r));
}

/* Whether all that a step does follows from its row: not from what was mounted, nor from a program
 * that was a here-document. */
static bool
text_says_all(const struct task *p)
{
	return !dfile_flag(&p->x, "mount") && !p->x.n_heredocs;
}

bool
cache_from_text(const struct task *p, struct build_record *r)
{
	struct err before = err;
	bool found = false;
	for (size_t i = 0; !found && text_says_all(p) && i < asked.cache_from.n; i++)
		found = by_text(p, asked.cache_from.v[i], r);
	err = before;
	return found;
}

static bool
by_files(const struct task *p, const char *name, const struct tree *t, struct build_record *r)
{
	char path[PATH_MAX];
	auto_image struct image img = {0};
	const json_t *row = next_row(p, name, &img);
	return row && row_has_layer(row) && strstr(text_of(row), p->raw->name) &&
		take_time(row, r) && take_layer(p, &img, r) &&
		store_layer_path(p->b->store, r->layer.chain, path) == 0 &&
		same_layers(AT_FDCWD, path, AT_FDCWD, t->upper);
}

bool
cache_from_files(const struct task *p, const struct tree *t, struct build_record *r)
{
	struct err before = err;
	struct build_record found = {0};
	bool same = false;
	for (size_t i = 0; !same && !asked.no_cache && i < asked.cache_from.n; i++)
		same = by_files(p, asked.cache_from.v[i], t, &found);
	if (same)
		*r = found;
	err = before;
	return same;
}
