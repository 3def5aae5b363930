/* SPDX-License-Identifier: MIT
 * All that changes about a box that does not run makes, renames or removes a file in its directory,
 * and that changes the directory's own time. So one that looks as it did is what it was, but for
 * how long ago that is, which is told in seconds. One whose lock is held is looked at each time.
 */
#include "cache.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/human.h"
#include "box/show.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Older kernels tell times of files in steps of up to 10 ms: of two changes in one step the second
 * would not be seen. */
#define STEP ((int64_t)20 * 1000000)

struct item {
	struct box b;
	int64_t changed; /* its directory; 0: to be looked at */
	bool busy, shown_always;
	char created[TIME_TEXT];
	char *text; /* NULL: it is being made or removed */
	bool seen;
};

static struct {
	pthread_mutex_t lock;
	struct item *v;
	size_t n;
	int64_t changed; /* the directory of all boxes */
	time_t second;
	struct buf text[2]; /* without and with those that do not run */
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* When a directory changed last; 0 when that is so short ago that it may change once more within
 * the same step, or it is not there. */
static int64_t
changed(const char *path)
{
	struct stat sb;
	if (stat(path, &sb) < 0)
		return 0;
	int64_t when = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
	return clock_ns(CLOCK_REALTIME) - when < STEP ? 0 : when;
}

static int
note(const struct box *b, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < cache.n; i++)
		if (strcmp(cache.v[i].b.id, b->id) == 0) {
			cache.v[i].seen = true;
			return 0;
		}
	cache.v = reallocarray(cache.v, cache.n + 1, sizeof(*cache.v));
	if (!cache.v)
		abort();
	cache.v[cache.n++] = (struct item){.b = *b, .seen = true};
	return 0;
}

/* Which boxes there are. */
static int
look_for_boxes(void)
{
	char places[PATH_MAX];
	if (box_places(false, places) < 0)
		return -1;
	int64_t now = changed(places);
	if (now && now == cache.changed)
		return 0;
	cache.changed = now;
	for (size_t i = 0; i < cache.n; i++)
		cache.v[i].seen = false;
	if (box_each(note, NULL) < 0)
		return -1;
	for (size_t i = cache.n; i-- > 0;)
		if (!cache.v[i].seen) {
			free(cache.v[i].text);
			cache.v[i] = cache.v[--cache.n];
		}
	return 1;
}

static void
look_at(struct item *x)
{
	struct box_look l = {0};
	free(x->text);
	x->text = NULL;
	if (box_look(&x->b, &l) == 0) {
		auto_json json_t *doc = show_item(&l, false);
		x->text = json_dumps(doc, JSON_COMPACT);
		x->busy = l.st.busy;
		x->shown_always = l.st.status != BOX_CREATED && l.st.status != BOX_EXITED;
		snprintf(x->created, sizeof(x->created), "%s", box_text(l.doc, "Created"));
	} else {
		err_clear();
	}
	json_decref(l.doc);
}

/* Whether any looks other than before. */
static bool
look_at_all(void)
{
	time_t now = time(NULL);
	bool any = now != cache.second, later = any;
	cache.second = now;
	for (size_t i = 0; i < cache.n; i++) {
		struct item *x = &cache.v[i];
		int64_t when = changed(x->b.dir);
		if (!later && when && when == x->changed && !x->busy && x->text)
			continue;
		x->changed = when;
		look_at(x);
		any = true;
	}
	return any;
}

static int
newest_first(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int r = strcmp(y->created, x->created);
	return r ? r : strcmp(x->b.id, y->b.id);
}

static void
write_text(bool all)
{
	struct buf *out = &cache.text[all];
	buf_reset(out);
	buf_addc(out, '[');
	for (size_t i = 0; i < cache.n; i++) {
		const struct item *x = &cache.v[i];
		if (!x->text || (!all && !x->shown_always))
			continue;
		if (out->len > 1)
			buf_addc(out, ',');
		buf_adds(out, x->text);
	}
	buf_addc(out, ']');
}

int
cache_list(bool all, struct buf *out)
{
	pthread_mutex_lock(&cache.lock);
	int news = look_for_boxes();
	if (news >= 0 && (look_at_all() || news > 0 || !cache.text[all].len)) {
		if (cache.n)
			qsort(cache.v, cache.n, sizeof(*cache.v), newest_first);
		write_text(false);
		write_text(true);
	}
	if (news >= 0)
		buf_add(out, cache.text[all].s, cache.text[all].len);
	pthread_mutex_unlock(&cache.lock);
	return news < 0 ? -1 : 0;
}
