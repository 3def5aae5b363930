/* SPDX-License-Identifier: MIT */
#include "box/view.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "box/layer.h"
#include "box/userns.h"
#include "door/spawn.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include "door/sys_userns.h"
#include "door/tell.h"
#include "mech/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int
join(void *o)
{
	return overlay_mount(o);
}

int
view_mount(const char *why, const struct box *b, const json_t *doc, const struct ct_id_maps *uid,
	const struct ct_id_maps *gid)
{
	char upper[PATH_MAX], work[PATH_MAX], root[PATH_MAX], store[PATH_MAX];
	struct strlist layers = {0}, words = {0};
	json_t *item;
	size_t i;
	if (state_root(store) < 0)
		return -1;
	if (json_array_size(box_value(doc, "Layers")) == 0)
		return err_set(ERR_INVALID, b->id, "the image of box %.12s has no layers", b->id);
	box_layer_path(b, doc, "upper", upper);
	box_layer_path(b, doc, "work", work);
	box_path(b, "root", root);
	json_array_foreach(box_value(doc, "Layers"), i, item)
		strlist_add(&layers, fmt_new("%s/layers/%s", store, json_string_value(item)));
	struct overlay o = {.dir = root,
		.upper = upper,
		.work = work,
		.layers = layers.v,
		.n = layers.n,
		.uid_map = uid ? *uid : (struct ct_id_maps){0},
		.gid_map = gid ? *gid : (struct ct_id_maps){0}};
	overlay_words(&o, &words);
	if (box_layer_lift(b, doc, true) < 0)
		return -1;
	int r = run_here(why, words.v, join, &o);
	free(layers.v);
	free(words.v);
	return box_layer_lift(b, doc, false) < 0 ? -1 : r;
}

bool
view_has_layer(const struct box *b, const json_t *doc)
{
	char upper[PATH_MAX];
	box_layer_path(b, doc, "upper", upper);
	/* A dry run has not mounted it, and most have one. */
	return dir_exists(upper) || (step_dry() && box_layer_is_hidden(b, doc));
}

static int
own_mounts(void)
{
	tell_nest("unshare --mount --propagation private");
	return sys_unshare("mounts of our own, which end with us", CLONE_NEWNS) < 0 ||
			sys_mount("nobody else sees them", NULL, "/", NULL, MS_REC | MS_PRIVATE,
				NULL) < 0
		? -1
		: 0;
}

int
view_layer(const struct box *b, const json_t *doc, bool *nested)
{
	if (!box_layer_is_hidden(b, doc))
		return 0;
	*nested = true;
	return own_mounts() < 0 ? -1 : box_layer_mount(b, doc);
}

int
view_diff_words(const struct box *b, const json_t *doc, struct strlist *l)
{
	char upper[PATH_MAX], layers[PATH_MAX];
	auto_json json_t *config = box_read(b, "config.json");
	json_t *item;
	size_t i;
	if (!config || state_root(layers) < 0)
		return -1;
	json_array_foreach(box_value(doc, "Layers"), i, item)
	{
		strlist_add(l, "--lower");
		strlist_add(l, fmt_new("%s/layers/%s", layers, json_string_value(item)));
	}
	json_array_foreach(box_value(config, "mounts"), i, item)
	{
		strlist_add(l, "--except");
		strlist_add(l, str_new(box_text(item, "destination")));
	}
	box_layer_path(b, doc, "upper", upper);
	strlist_add(l, str_new(upper));
	return 0;
}

/* Part by part, for symlinks lead on inside the root. */
int
view_make_dir(const char *why, int top, const char *path)
{
	auto_free char *at = str_new(path + strspn(path, "/"));
	auto_fd int dir = open_in_root(top, "/", O_PATH | O_DIRECTORY, 0);
	for (char *part = at, *slash; dir >= 0 && *part;
		part = slash ? slash + 1 : strchr(part, '\0')) {
		slash = strchr(part, '/');
		if (slash)
			*slash = '\0';
		int next = open_in_root(top, at, O_PATH | O_DIRECTORY, 0);
		if (next < 0 && errno == ENOENT && *part) {
			if (sys_mkdir_at(why, dir, part, at, 0755) < 0)
				return -1;
			next = open_in_root(top, at, O_PATH | O_DIRECTORY, 0);
		}
		close(take_fd(&dir));
		dir = next;
		if (slash)
			*slash = '/';
	}
	return dir < 0 ? err_sys("openat2", path, "cannot open directory %s", path) : 0;
}

static int
open_root(struct view *v, const char *path)
{
	snprintf(v->shown, sizeof(v->shown), "%s", path);
	if (step_dry())
		return 0;
	v->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return v->root < 0 ? err_sys("open", path, "cannot open %s", path) : 0;
}

/* By its number, and then the process behind the descriptor must still be there: so the number was
 * its own. */
static int
open_running(
	const struct box *b, const json_t *doc, bool volumes, pid_t pid, int pidfd, struct view *v)
{
	char path[PATH_MAX];
	box_path(b, "root", path);
	if (volumes)
		snprintf(path, sizeof(path), "/proc/%d/root", pid);
	if (open_root(v, path) < 0 || box_userns_open(doc, pid, &v->user) < 0)
		return -1;
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	return poll(&p, 1, 0) == 0
		? 0
		: err_set(ERR_CONFLICT, b->id, "Container %s has just ended", b->id);
}

static int
add_volume(struct view *v, const json_t *m)
{
	const char *source = box_text(m, "Source"), *place = box_text(m, "Destination");
	struct stat sb;
	if (step_dry() || strcmp(box_text(m, "Type"), "tmpfs") == 0)
		return 0;
	auto_fd int from = open(source, O_PATH | O_CLOEXEC);
	if (from < 0 || fstat(from, &sb) < 0)
		return err_sys("open", source, "cannot open %s", source);
	auto_fd int to = open_in_root(v->root, place, O_PATH, 0);
	if (to < 0 && errno == ENOENT && S_ISDIR(sb.st_mode)) {
		if (view_make_dir("where a volume will be", v->root, place) < 0)
			return -1;
		to = open_in_root(v->root, place, O_PATH, 0);
	}
	/* The place of a file is made when the box starts. */
	if (to < 0)
		return errno == ENOENT ? 0 : err_sys("openat2", place, "cannot open %s", place);
	struct sys_bind bind = {.source_fd = from,
		.target_fd = to,
		.source = source,
		.target = place,
		.attr = box_flag(m, "RW") ? 0 : MS_RDONLY,
		.propagation = MS_PRIVATE,
		.rec = true};
	return sys_bind_at("a volume, as the box has it", &bind);
}

static int
open_stopped(const struct box *b, const json_t *doc, bool volumes, struct view *v)
{
	char root[PATH_MAX];
	json_t *m;
	size_t i;
	v->nested = true;
	if (own_mounts() < 0 || (box_layer_is_hidden(b, doc) && box_layer_mount(b, doc) < 0) ||
		view_mount("its layers, as when it runs", b, doc, NULL, NULL) < 0)
		return -1;
	box_path(b, "root", root);
	if (open_root(v, root) < 0)
		return -1;
	if (volumes)
		json_array_foreach(
			json_object_get(doc, "Mounts"), i, m) if (add_volume(v, m) < 0) return -1;
	return 0;
}

int
view_open(const struct box *b, const json_t *doc, bool volumes, struct view *v)
{
	auto_fd int pidfd = -1;
	pid_t pid;
	*v = (struct view){.root = -1, .user = -1, .lock = -1};
	if (box_pid(b, true, &pid, &pidfd) == 0)
		return open_running(b, doc, volumes, pid, pidfd, v);
	err_clear();
	if (box_lock(b, &v->lock) < 0)
		return -1;
	return open_stopped(b, doc, volumes, v);
}

void
view_close(struct view *v)
{
	if (v->nested)
		tell_unnest(NULL);
	if (v->root >= 0)
		close(v->root);
	if (v->user >= 0)
		close(v->user);
	if (v->lock >= 0)
		close(v->lock);
	*v = (struct view){.root = -1, .user = -1, .lock = -1};
}

int
view_call(const struct view *v, int (*call)(void *arg), void *arg)
{
	return sys_userns_call(
		"as root of the box", step_dry() ? -1 : v->user, "of the box", call, arg);
}
