/* SPDX-License-Identifier: MIT
 * Files: copies of layers, notes on what is not there any more, and what a crash left in the image
 * store. Images and layers are no leftovers.
 */
#include "ledger.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "door/state.h"
#include "door/sys.h"
#include "mech/overlay.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct walk {
	struct ledger *l;
	const struct kind *k;
};

static int
add_copy(void *self, const char *kind, const char *object, const char *path)
{
	const struct walk *w = self;
	(void)path;
	if (strcmp(kind, "copy") == 0 && dir_exists(object))
		ledger_add(w->l, w->k, object, "made by ufs-mount --copy")->in_use =
			ledger_box_alive(object);
	return 0;
}

int
list_copies(struct ledger *l, const struct kind *k)
{
	struct walk w = {l, k};
	return state_each_note(add_copy, &w);
}

int
clean_copy(const struct item *i, bool force)
{
	(void)force;
	return overlay_remove_copy(i->name);
}

static int
is_point(void *self, const struct mount_entry *m)
{
	return strcmp(m->point, self) == 0;
}

/* Whether what the note is about is there: then it is listed as what it is. */
static bool
is_there(const char *kind, const char *object)
{
	auto_free char *point = str_new(object);
	if (strcmp(kind, "mount") == 0)
		return mountinfo_each("/proc/self/mountinfo", is_point, point) != 0;
	return strcmp(kind, "cgroup") == 0 || strcmp(kind, "netns") == 0 ||
			strcmp(kind, "copy") == 0
		? file_exists(object)
		: false;
}

/* A note says what was about to be made. It may never have come to be, or be gone by other hands
 * than ours. */
static int
add_note(void *self, const char *kind, const char *object, const char *path)
{
	const struct walk *w = self;
	if (!*kind)
		ledger_add(w->l, w->k, path, "half written");
	else if (!is_there(kind, object))
		ledger_add(w->l, w->k, path, "on %s %s, which is not there", kind, object);
	return 0;
}

int
list_notes(struct ledger *l, const struct kind *k)
{
	struct walk w = {l, k};
	return state_each_note(add_note, &w);
}

int
clean_note(const struct item *i, bool force)
{
	(void)force;
	return file_exists(i->name) ? sys_unlink("a note on what is gone", i->name) : 0;
}

/* Whoever adds to the store holds its lock (image/store.h), and may be about to finish. */
static void
add_below(struct walk *w, const char *dir, const char *prefix, bool in_use)
{
	struct dirent *e;
	auto_dir DIR *d = opendir(dir);
	while (d && (e = readdir(d))) {
		auto_buf struct buf path = BUF_INIT;
		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
			strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		path_join(&path, dir, e->d_name);
		ledger_add(w->l, w->k, path.s, "unfinished, in the image store")->in_use = in_use;
	}
}

int
list_temporaries(struct ledger *l, const struct kind *k)
{
	char root[PATH_MAX], path[PATH_MAX + 16];
	struct walk w = {l, k};
	if (state_root(root) < 0) {
		err_clear(); /* no HOME: then no store either */
		return 0;
	}
	snprintf(path, sizeof(path), "%s/images/lock", root);
	bool in_use = ledger_locked(path);
	snprintf(path, sizeof(path), "%s/images/tmp", root);
	add_below(&w, path, "", in_use);
	snprintf(path, sizeof(path), "%s/layers", root);
	add_below(&w, path, ".tmp-", in_use);
	return 0;
}

int
clean_temporary(const struct item *i, bool force)
{
	(void)force;
	return sys_remove_tree("what a crash left", i->name);
}
