/* SPDX-License-Identifier: MIT */
#include "box/list.h"

#include "base/err.h"
#include "box/filter.h"

#include <stdlib.h>
#include <string.h>

struct pass {
	const struct strlist *filters;
	bool all, brief;
	struct box_list *list;
};

/* Who asks for a status wants those that do not run, too. */
static bool
asks_status(const struct strlist *filters)
{
	for (size_t i = 0; i < filters->n; i++)
		if (strncmp(filters->v[i], "status=", 7) == 0 ||
			strncmp(filters->v[i], "exited=", 7) == 0)
			return true;
	return false;
}

static int
take(const struct box *b, void *arg)
{
	const struct pass *p = arg;
	struct box_look r = {.b = *b};
	char path[PATH_MAX];
	box_state(b, &r.st);
	if (!p->all && (r.st.status == BOX_CREATED || r.st.status == BOX_EXITED))
		return 0;
	/* One that is being removed has no document any more. */
	box_path(b, "box.json", path);
	r.doc = p->brief ? json_read_without(path, JSON_SIZE_MAX, "HostConfig")
			 : json_read(path, JSON_SIZE_MAX);
	if (!r.doc) {
		err_clear();
		return 0;
	}
	if (!box_filter_passes(p->filters, &r)) {
		json_decref(r.doc);
		return 0;
	}
	/* Twice as much room whenever it is full: each holds a path, so it is pages that move. */
	struct box_list *l = p->list;
	if ((l->n & (l->n - 1)) == 0)
		l->v = reallocarray(l->v, l->n ? l->n * 2 : 1, sizeof(*l->v));
	if (!l->v)
		abort();
	l->v[l->n++] = r;
	return 0;
}

static int
newest_first(const void *a, const void *b)
{
	const struct box_look *x = a, *y = b;
	int r = strcmp(box_text(y->doc, "Created"), box_text(x->doc, "Created"));
	return r ? r : strcmp(x->b.id, y->b.id);
}

int
boxes_list(const struct strlist *filters, bool all, bool brief, struct box_list *l)
{
	struct pass p = {filters, all || asks_status(filters), brief && !filters->n, l};
	*l = (struct box_list){0};
	if (box_filter_check(filters) < 0)
		return -1;
	if (box_each(take, &p) < 0) {
		boxes_free(l);
		return -1;
	}
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), newest_first);
	return 0;
}

void
boxes_free(struct box_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		json_decref(l->v[i].doc);
	free(l->v);
	*l = (struct box_list){0};
}
