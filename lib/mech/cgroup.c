/* SPDX-License-Identifier: MIT
 * A group by its name: finding it, joining it, walking through it.
 */
#include "mech/cgroup.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/state.h"
#include "door/sys.h"
#include "mech/cgroup_in.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

const char *
cg_file(const char *dir, const char *file)
{
	static struct buf ring[4];
	static unsigned next;
	struct buf *b = &ring[next++ % 4];
	buf_reset(b);
	path_join(b, dir, file);
	return b->s;
}

int
cg_places(const char *name, struct cgroup *g)
{
	*g = (struct cgroup){0};
	if (parse_name_path("group", name) < 0 || cg_host(&g->host) < 0)
		return -1;
	g->name = str_new(name);
	for (unsigned i = 0; i < g->host->n; i++) {
		struct buf dir = BUF_INIT;
		path_join(&dir, g->host->tree[i].base, name);
		g->dir[i] = buf_take(&dir);
	}
	return 0;
}

int
cg_open(const char *name, struct cgroup *g)
{
	bool found = false;
	if (cg_places(name, g) < 0)
		return -1;
	for (unsigned i = 0; i < g->host->n; i++) {
		/* Every group has this file, and no file of a group has another one below it: so
		 * "tasks" is no group. */
		if (access(cg_file(g->dir[i], "cgroup.procs"), F_OK) == 0) {
			found = true;
			continue;
		}
		free(g->dir[i]);
		g->dir[i] = NULL;
	}
	if (found)
		return 0;
	errno = ENOENT;
	err_sys("access", name, "cannot find group %s", name);
	return err_hint("cg-create %s makes it", name);
}

void
cg_close(struct cgroup *g)
{
	free(g->name);
	for (unsigned i = 0; i < CG_TREES; i++)
		free(g->dir[i]);
	*g = (struct cgroup){0};
}

const char *
cg_v2_dir(const struct cgroup *g)
{
	return cg_v2_tree(g->host) ? g->dir[g->host->n - 1] : NULL;
}

const char *
cg_dir_of(const struct cgroup *g, unsigned controller, bool *v2)
{
	for (unsigned i = 0; i < g->host->n; i++)
		if (g->host->tree[i].has & controller) {
			*v2 = g->host->tree[i].v2;
			return g->dir[i];
		}
	return NULL;
}

int
cg_join_self(const struct cgroup *g, int which)
{
	for (unsigned i = 0; i < g->host->n; i++) {
		bool v2 = g->host->tree[i].v2;
		if (!g->dir[i] || !(which & (v2 ? CG_JOIN_V2 : CG_JOIN_V1)))
			continue;
		if (sys_write("join the group: 0 is whoever writes it",
			    cg_file(g->dir[i], v2 ? "cgroup.procs" : "tasks"), "0", NULL) < 0)
			return -1;
	}
	return 0;
}

int
cg_dir_fd(const struct cgroup *g, int *fd)
{
	const char *dir = cg_v2_dir(g);
	*fd = -1;
	if (!dir)
		return 0;
	*fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? err_sys("open", dir, "cannot open %s", dir) : 0;
}

static int each_dir(struct buf *dir, cg_dir_fn *fn, void *ctx);

static int
each_below(struct buf *dir, cg_dir_fn *fn, void *ctx)
{
	auto_dir DIR *d = opendir(dir->s);
	size_t len = dir->len;
	struct dirent *e;
	int r = 0;
	while (d && r == 0 && (e = readdir(d))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		buf_addf(dir, "/%s", e->d_name);
		r = each_dir(dir, fn, ctx);
		dir->len = len;
		dir->s[len] = '\0';
	}
	return r;
}

static int
each_dir(struct buf *dir, cg_dir_fn *fn, void *ctx)
{
	struct stat sb;
	int r = 0;
	if (stat(dir->s, &sb) < 0)
		return 0;
	/* A directory's links are its name, its "." and the ".." of each directory in it: most
	 * groups have none, and the list of their 40 files need not be read. */
	if (sb.st_nlink > 2)
		r = each_below(dir, fn, ctx);
	return r ? r : fn(ctx, dir->s);
}

int
cg_each_dir(const char *dir, cg_dir_fn *fn, void *ctx)
{
	auto_buf struct buf path = BUF_INIT;
	buf_adds(&path, dir);
	return each_dir(&path, fn, ctx);
}

int
cg_pids_add(struct cg_pids *pids, const char *dir)
{
	auto_buf struct buf text = BUF_INIT;
	const char *path = cg_file(dir, "cgroup.procs");
	if (file_read(path, (size_t)64 << 20, &text) < 0)
		/* A v2 group of threads has none of its own; one removed by now has none at all. */
		return err.no == EOPNOTSUPP || err.no == ENOENT || err.no == ENODEV ? 0 : -1;
	for (char *p = text.s; *p;) {
		long pid = strtol(p, &p, 10);
		pid_t *v = reallocarray(pids->v, pids->n + 1, sizeof(*v));
		if (!v)
			abort();
		pids->v = v;
		v[pids->n++] = (pid_t)pid;
		p += *p == '\n';
	}
	return 0;
}

static int
add_pids(void *ctx, const char *dir)
{
	return cg_pids_add(ctx, dir);
}

static int
by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
	return (x > y) - (x < y);
}

int
cg_pids(const struct cgroup *g, struct cg_pids *pids)
{
	size_t n = 0;
	for (unsigned i = 0; i < g->host->n; i++)
		if (g->dir[i] && cg_each_dir(g->dir[i], add_pids, pids) < 0)
			return -1;
	if (pids->n == 0)
		return 0;
	qsort(pids->v, pids->n, sizeof(*pids->v), by_number);
	for (size_t i = 0; i < pids->n; i++)
		if (n == 0 || pids->v[n - 1] != pids->v[i])
			pids->v[n++] = pids->v[i];
	pids->n = n;
	return 0;
}

bool
cg_pids_hold(const struct cg_pids *p, pid_t pid)
{
	return p->n && bsearch(&pid, p->v, p->n, sizeof(*p->v), by_number);
}

void
cg_pids_free(struct cg_pids *p)
{
	free(p->v);
	*p = (struct cg_pids){0};
}

int
cg_not_inside(const struct cgroup *g, const char *verb)
{
	auto_pids struct cg_pids pids = {0};
	if (cg_pids(g, &pids) < 0)
		return -1;
	if (!cg_pids_hold(&pids, getpid()))
		return 0;
	return err_set(ERR_IN_USE, g->name,
		"cannot %s the processes of group %s: this one is among them", verb, g->name);
}

struct marked {
	cg_walk_fn *fn;
	void *ctx;
	const struct cg_tree *tree;
};

static int
if_marked(void *ctx, const char *dir)
{
	const struct marked *m = ctx;
	size_t base = strlen(m->tree->base);
	if (strcmp(dir, m->tree->base) == 0 || !cg_marked(dir))
		return 0;
	return m->fn(m->ctx, dir, dir + base + 1, m->tree->v2);
}

int
cg_walk_marked(cg_walk_fn *fn, void *ctx)
{
	const struct cg_host *host;
	if (cg_host(&host) < 0)
		return err.class == ERR_UNSUPPORTED ? 0 : -1;
	for (unsigned i = 0; i < host->n; i++) {
		struct marked m = {fn, ctx, &host->tree[i]};
		int r = cg_each_dir(m.tree->base, if_marked, &m);
		if (r)
			return r;
	}
	return 0;
}

bool
cg_marked(const char *dir)
{
	return getxattr(dir, MARK_XATTR, NULL, 0) >= 0 ||
		getxattr(dir, MARK_XATTR_OLD, NULL, 0) >= 0;
}
