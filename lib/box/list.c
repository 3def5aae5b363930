/* SPDX-License-Identifier: MIT */
#include "box/list.h"

#include "base/err.h"
#include "box/filter.h"

#include <stdlib.h>
#include <string.h>

struct pass {
	const struct strlist *filters;
	bool all;
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
	box_state(b, &r.st);
	if (!p->all && (r.st.status == BOX_CREATED || r.st.status == BOX_EXITED))
		return 0;
	/* One that is being removed has no document any more. */
	if (!(r.doc = box_read(b, "box.json"))) {
		err_clear();
		return 0;
	}
	if (!box_filter_passes(p->filters, &r)) {
		json_decref(r.doc);
		return 0;
	}
	p->list->v = reallocarray(p->list->v, p->list->n + 1, sizeof(*p->list->v));
	if (!p->list->v)
		abort();
	p->list->v[p->list->n++] = r;
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
boxes_list(const struct strlist *filters, bool all, struct box_list *l)
{
	struct pass p = {filters, all || asks_status(filters), l};
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
