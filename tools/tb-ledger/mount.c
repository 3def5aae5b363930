/* SPDX-License-Identifier: MIT
 * Mounts with our mark as their source, or noted because they have none: in our own mount
 * namespace, and in those of processes that we may look at.
 */
#include "ledger.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/mountinfo.h"
#include "base/parse.h"
#include "door/state.h"
#include "door/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
	struct ledger *l;
	const struct kind *k;
	const char *pid; /* whose mount table it is; NULL: ours */
	dev_t *seen; /* file systems that were listed */
	size_t n_seen;
	ino_t *spaces; /* mount namespaces that were looked at */
	size_t n_spaces;
};

static bool
seen(const struct walk *w, dev_t dev)
{
	for (size_t i = 0; i < w->n_seen; i++)
		if (w->seen[i] == dev)
			return true;
	return false;
}

static void
see(struct walk *w, dev_t dev)
{
	w->seen = realloc(w->seen, (w->n_seen + 1) * sizeof(dev));
	if (!w->seen)
		abort();
	w->seen[w->n_seen++] = dev;
}

/* "overlay of 3 layers, writes to /up": lowerdir=C:B:A, or lowerdir+= once a layer. */
static void
describe(const struct mount_entry *m, struct buf *out)
{
	auto_buf struct buf lower = BUF_INIT, upper = BUF_INIT;
	size_t n = 0;
	for (const char *p = m->super; (p = strstr(p, "lowerdir+=")); p++)
		n++;
	if (n == 0 && mountinfo_option(m, "lowerdir", &lower)) {
		n = 1;
		for (const char *p = lower.s; *p; p++)
			n += *p == ':';
	}
	buf_addf(out, "%s of %zu layer%s", m->type, n, n == 1 ? "" : "s");
	if (mountinfo_option(m, "upperdir", &upper))
		buf_addf(out, ", writes to %s", upper.s);
}

static int
look_at(void *self, const struct mount_entry *m)
{
	struct walk *w = self;
	bool marked = strcmp(m->source, MARK) == 0;
	auto_buf struct buf detail = BUF_INIT;
	if (!marked && (w->pid || !state_noted("mount", m->point)))
		return 0;
	/* Another namespace often has a copy of ours. */
	if (w->pid && seen(w, m->dev))
		return 0;
	if (marked)
		describe(m, &detail);
	else if (strcmp(m->type, "nsfs") == 0)
		buf_adds(&detail, "a user namespace by name");
	else if (strncmp(m->source, "/dev/loop", 9) == 0 && strcmp(m->root, "/") == 0)
		buf_addf(&detail, "writable layer of a given size, %s", m->source);
	else if (strcmp(m->type, "tmpfs") == 0 && strcmp(m->root, "/") == 0)
		buf_adds(&detail, "writable layer of a given size, in memory");
	else
		buf_adds(&detail, "one layer, read-only");
	if (marked)
		see(w, m->dev);
	/* Whoever is not root sees the mounts of others here: not his to answer for. */
	if (!w->pid && !ledger_is_root())
		return 0;
	if (w->pid)
		buf_addf(&detail, "; in the mount namespace of process %s (%s)", w->pid,
			ledger_comm(w->pid));
	struct item *it = ledger_add(w->l, w->k, m->point, "%s", detail.s);
	it->elsewhere = w->pid != NULL;
	it->in_use = ledger_box_alive(it->name);
	return 0;
}

/* Whether this process's mount namespace is one that was not looked at yet. */
static bool
new_space(struct walk *w, const char *pid)
{
	struct stat sb;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", pid);
	if (stat(path, &sb) < 0)
		return false;
	for (size_t i = 0; i < w->n_spaces; i++)
		if (w->spaces[i] == sb.st_ino)
			return false;
	w->spaces = realloc(w->spaces, (w->n_spaces + 1) * sizeof(sb.st_ino));
	if (!w->spaces)
		abort();
	w->spaces[w->n_spaces++] = sb.st_ino;
	return true;
}

static void
look_elsewhere(struct walk *w)
{
	struct dirent *e;
	char path[64];
	auto_dir DIR *proc = opendir("/proc");
	while (proc && (e = readdir(proc))) {
		if (!is_digits(e->d_name) || !new_space(w, e->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", e->d_name);
		w->pid = e->d_name;
		if (mountinfo_each(path, look_at, w) < 0)
			err_clear(); /* it ended, or is not ours to look at */
	}
}

/* The table has them in the order of mounting: what was mounted last has to go first. */
static void
reverse(struct ledger *l, size_t from)
{
	for (size_t i = from, j = l->n; i + 1 < j; i++) {
		struct item t = l->v[i];
		l->v[i] = l->v[--j];
		l->v[j] = t;
	}
}

int
list_mounts(struct ledger *l, const struct kind *k)
{
	struct walk w = {.l = l, .k = k};
	size_t from = l->n;
	new_space(&w, "self");
	int r = mountinfo_each("/proc/self/mountinfo", look_at, &w);
	reverse(l, from);
	if (r == 0)
		look_elsewhere(&w);
	free(w.seen);
	free(w.spaces);
	return r;
}

int
clean_mount(const struct item *i, bool force)
{
	if (sys_umount("a mount of ours", i->name, UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0)) <
		0) {
		if (err.no == EBUSY)
			err_hint("something uses it; --force takes it out of sight");
		return -1;
	}
	return state_noted("mount", i->name) ? state_forget("mount", i->name) : 0;
}
