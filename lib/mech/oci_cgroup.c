/* SPDX-License-Identifier: MIT
 * A mount of the type "cgroup" in a bundle means: the control groups of this host, whichever
 * version it has, seen from the container's own (config-linux.md, "Default Filesystems"; runc and
 * crun do the same).
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "mech/ct.h"
#include "mech/oci_in.h"

#include <string.h>

struct forest {
	struct oci_args *a;
	const char *destination;
	const char *options;
	bool v2_only; /* the first mount of a host with version 2 alone */
	unsigned n;
	struct buf own; /* /proc/self/cgroup */
	struct buf seen; /* the places, each with a newline before and after */
};

/* Where in the tree of these controllers ("cpu,cpuacct", "name=systemd", "" for v2) we are: lines
 * of cgroups(7) are ID:CONTROLLERS:PATH. Allocated; "/" when there is no line. */
static char *
own_group(const struct forest *f, const char *controllers)
{
	size_t n = strlen(controllers);
	for (const char *line = buf_str(&f->own); *line;) {
		size_t end = strcspn(line, "\n");
		const char *list = memchr(line, ':', end);
		if (list && strncmp(list + 1, controllers, n) == 0 && list[n + 1] == ':')
			return fmt_new("%.*s", (int)(line + end - (list + n + 2)), list + n + 2);
		line += end + (line[end] == '\n');
	}
	return str_new("/");
}

/* The controllers among the options of a version 1 mount: "rw,cpu,cpuacct". */
static char *
controllers_of(const struct mount_entry *m)
{
	static const char *const others[] = {"rw", "ro", "xattr", "noprefix", "clone_children",
		"all", "none", "cpuset_v2_mode", "favordynmods"};
	struct buf out = BUF_INIT;
	for (const char *word = m->super; *word;) {
		size_t n = strcspn(word, ","), i = 0;
		while (i < sizeof(others) / sizeof(others[0]) &&
			(strlen(others[i]) != n || strncmp(others[i], word, n) != 0))
			i++;
		if (i == sizeof(others) / sizeof(others[0]) &&
			strncmp(word, "release_agent=", 14) != 0)
			buf_addf(&out, "%s%.*s", out.len ? "," : "", (int)n, word);
		word += n + (word[n] == ',');
	}
	return buf_take(&out);
}

/* With a cgroup namespace a new mount shows our own group as the root; without one the part below
 * our own group is bound. */
static void
add_tree(struct forest *f, const struct mount_entry *m, const char *type, const char *controllers)
{
	auto_free char *own = own_group(f, strcmp(type, "cgroup2") == 0 ? "" : controllers);
	const char *name = f->v2_only ? "" : path_base(m->point), *slash = f->v2_only ? "" : "/";
	const char *comma = f->options[0] ? "," : "";
	if (!f->a->own_ns[CT_CGROUP] && strcmp(m->root, "/") == 0)
		oci_option(f->a, "--bind", "%s%s:%s%s%s:bind%s%s", m->point,
			strcmp(own, "/") == 0 ? "" : own, f->destination, slash, name, comma,
			f->options);
	else
		oci_option(f->a, "--fs", "%s:cgroup:%s%s%s:%s%s%s", type, f->destination, slash,
			name, f->options, *controllers ? comma : "", controllers);
	f->n++;
}

/* A tree that is mounted over itself (a part of it, for somebody who is to see no more) stands in
 * the list once for each, and is one. */
static bool
is_new_place(struct forest *f, const char *point)
{
	auto_free char *line = fmt_new("\n%s\n", point);
	if (strstr(buf_str(&f->seen), line))
		return false;
	buf_adds(&f->seen, line);
	return true;
}

static int
see_mount(void *self, const struct mount_entry *m)
{
	struct forest *f = self;
	if (strncmp(m->point, "/sys/fs/cgroup", 14) != 0 || strchr(m->point, ':'))
		return 0;
	if (strcmp(m->type, "cgroup2") == 0 && strcmp(m->point, "/sys/fs/cgroup") == 0) {
		f->v2_only = true;
		add_tree(f, m, "cgroup2", "");
		return 1;
	}
	if (strcmp(m->type, "cgroup") != 0 || !is_new_place(f, m->point))
		return 0;
	auto_free char *controllers = controllers_of(m);
	if (f->n == 0)
		oci_option(f->a, "--fs", "tmpfs:cgroup:%s:nosuid,noexec,nodev,mode=755",
			f->destination);
	add_tree(f, m, "cgroup", controllers);
	return 0;
}

static bool
has_word(const char *list, const char *word)
{
	for (size_t n; *list; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		if (strlen(word) == n && strncmp(list, word, n) == 0)
			return true;
	}
	return false;
}

int
oci_cgroup_mounts(struct oci_args *a, const char *destination, const char *options)
{
	struct forest f = {.a = a, .destination = destination, .options = options};
	struct err before = err;
	if (file_read("/proc/self/cgroup", 1 << 16, &f.own) < 0)
		err = before;
	int r = mountinfo_each("/proc/self/mountinfo", see_mount, &f);
	buf_free(&f.own);
	buf_free(&f.seen);
	if (r < 0)
		return -1;
	/* The trees stand in a tmpfs, which takes no files either once they do. */
	if (f.n && !f.v2_only && has_word(options, "ro"))
		oci_option(a, "--ro-path", "%s", destination);
	if (f.n == 0)
		oci_warn(
			a, "%s stays empty: there are no control groups on this host", destination);
	return 0;
}
