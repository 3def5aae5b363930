/* SPDX-License-Identifier: MIT
 * Control groups that bear our mark.
 */
#include "ledger.h"

#include "base/err.h"
#include "mech/cgroup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A group is one directory in each tree, and one line here. */
struct walk {
	struct ledger *l;
	const struct kind *k;
};

static bool
listed(const struct walk *w, const char *name)
{
	for (size_t i = 0; i < w->l->n; i++)
		if (w->l->v[i].kind == w->k && strcmp(w->l->v[i].name, name) == 0)
			return true;
	return false;
}

static size_t
count_pids(const char *name)
{
	auto_cgroup struct cgroup g = {0};
	struct cg_pids pids = {0};
	if (cg_open(name, &g) < 0 || cg_pids(&g, &pids) < 0)
		err_clear(); /* gone in between */
	free(pids.v);
	return pids.n;
}

static int
add_group(void *ctx, const char *dir, const char *name, bool v2)
{
	const struct walk *w = ctx;
	struct stat sb;
	(void)v2;
	if (listed(w, name) || stat(dir, &sb) < 0 || (!ledger_for_all() && sb.st_uid != geteuid()))
		return 0;
	size_t n = count_pids(name);
	ledger_add(w->l, w->k, name, "%zu process%s, %s", n, n == 1 ? "" : "es", dir);
	return 0;
}

int
list_groups(struct ledger *l, const struct kind *k)
{
	struct walk w = {l, k};
	return cg_walk_marked(add_group, &w);
}

int
clean_group(const struct item *i, bool force)
{
	auto_cgroup struct cgroup g = {0};
	(void)force;
	if (cg_open(i->name, &g) < 0)
		return err.class == ERR_NOT_FOUND ? 0 : -1;
	return cg_remove(&g, true, (int64_t)10 * 1000000000);
}
