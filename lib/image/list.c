/* SPDX-License-Identifier: MIT */
#include "image/list.h"

#include "base/err.h"
#include "base/filter.h"
#include "base/human.h"
#include "image/ref.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

int
images_list(const struct store *s, struct image_list *l, struct buf *left_out)
{
	struct index ix;
	struct index_entry e;
	*l = (struct image_list){0};
	if (index_load(s, &ix) < 0)
		return -1;
	l->v = calloc(index_len(&ix) + 1, sizeof(*l->v));
	if (!l->v)
		abort();
	for (size_t i = 0; i < index_len(&ix); i++) {
		if (index_at(&ix, i, &e) == 0 && image_load(s, &e, &l->v[l->n]) == 0) {
			l->n++;
			continue;
		}
		auto_buf struct buf why = BUF_INIT;
		err_text(&err, &why);
		buf_addf(left_out, "image %s left out: %s\n", e.name ? e.name : e.digest,
			buf_str(&why));
		err_clear();
	}
	index_free(&ix);
	return 0;
}

void
images_list_free(struct image_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		image_free(&l->v[i]);
	free(l->v);
	*l = (struct image_list){0};
}

time_t
image_created(const struct image *img)
{
	time_t t = 0;
	struct err before = err;
	if (!img->created[0] || parse_rfc3339(img->created, &t) < 0)
		t = 0;
	err = before;
	return t;
}

void
image_shown_name(const struct image *img, struct buf *repository, struct buf *tag)
{
	struct ref r;
	struct err before = err;
	bool named = img->name && ref_parse_name(img->name, &r) == 0;
	err = before;
	if (named)
		ref_familiar_name(&r, repository);
	else
		buf_adds(repository, img->name ? img->name : "<none>");
	buf_adds(tag, named && r.tag[0] ? r.tag : "<none>");
}

static const char *
value_of(const char *word, const char *key)
{
	size_t n = strlen(key);
	return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static int
time_of(const struct store *s, const char *text, time_t *t)
{
	auto_image struct image img = {0};
	if (image_find(s, text, &img) < 0)
		return -1;
	*t = image_created(&img);
	return 0;
}

static int
check_word(const struct store *s, const char *word, struct image_filter *f)
{
	const char *value;
	if ((value = value_of(word, "dangling")) &&
		(strcmp(value, "true") == 0 || strcmp(value, "false") == 0))
		return 0;
	if ((value = value_of(word, "before")))
		return time_of(s, value, &f->before);
	if ((value = value_of(word, "since")))
		return time_of(s, value, &f->since);
	if (value_of(word, "label") || value_of(word, "reference"))
		return 0;
	err_set(ERR_INVALID, word, "Invalid filter '%s'", word);
	return err_hint("dangling=true|false, label=KEY[=VALUE], reference=PATTERN, before=IMAGE, "
			"since=IMAGE");
}

int
image_filter_ready(const struct store *s, const struct strlist *words, struct image_filter *f)
{
	*f = (struct image_filter){.words = words};
	for (size_t i = 0; i < words->n; i++)
		if (check_word(s, words->v[i], f) < 0)
			return -1;
	return 0;
}

static bool
has_reference(const struct image *img, const char *pattern)
{
	auto_buf struct buf name = BUF_INIT, tag = BUF_INIT;
	if (!img->name)
		return false;
	image_shown_name(img, &name, &tag);
	if (fnmatch(pattern, buf_str(&name), FNM_PATHNAME) == 0)
		return true;
	buf_addf(&name, ":%s", buf_str(&tag));
	return fnmatch(pattern, name.s, FNM_PATHNAME) == 0;
}

static bool
word_passes(const struct image_filter *f, const char *word, const struct image *img)
{
	const char *value;
	if ((value = value_of(word, "dangling")))
		return (strcmp(value, "true") == 0) == !img->name;
	if ((value = value_of(word, "label")))
		return filter_label(
			json_object_get(json_object_get(img->config, "config"), "Labels"), value);
	if ((value = value_of(word, "reference")))
		return has_reference(img, value);
	if (value_of(word, "before"))
		return image_created(img) < f->before;
	return image_created(img) > f->since;
}

bool
image_filter_passes(const struct image_filter *f, const struct image *img)
{
	/* Several references are alternatives, as Docker has it. */
	bool asked = false, named = false;
	for (size_t i = 0; i < f->words->n; i++) {
		bool passes = word_passes(f, f->words->v[i], img);
		if (value_of(f->words->v[i], "reference")) {
			asked = true;
			named = named || passes;
		} else if (!passes) {
			return false;
		}
	}
	return named || !asked;
}
