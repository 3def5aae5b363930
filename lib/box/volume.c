/* SPDX-License-Identifier: MIT */
#include "box/volume.h"

#include "base/auto.h"
#include "base/file.h"
#include "base/human.h"
#include "base/parse.h"
#include "box/box.h"
#include "box/event.h"
#include "door/state.h"
#include "door/sys.h"
#include "door/undo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ANONYMOUS "com.docker.volume.anonymous"

int
volume_place(char path[PATH_MAX])
{
	return state_root_path(path, "volumes");
}

int
volume_lock(bool exclusive, int *fd)
{
	char path[PATH_MAX];
	if (volume_place(path) < 0 || sys_keep_dir("the place of volumes", path, 0711) < 0)
		return -1;
	size_t n = strlen(path);
	snprintf(path + n, PATH_MAX - n, "/.lock");
	return sys_lock(exclusive ? "nobody uses volumes meanwhile" : "no volume goes meanwhile",
		path, exclusive, fd);
}

int
volume_lock_data(const struct volume *v, int *fd)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%.*s/lock", PATH_MAX - 8, v->dir);
	return sys_lock("one at a time fills it", path, true, fd);
}

static int
fill(const char *name, struct volume *v)
{
	char place[PATH_MAX];
	if (volume_place(place) < 0)
		return -1;
	snprintf(v->name, sizeof(v->name), "%s", name);
	if (snprintf(v->dir, PATH_MAX, "%s/%s", place, name) >= PATH_MAX - 8)
		return err_set(ERR_INVALID, name, "the path of volume %s is too long", name);
	snprintf(v->data, PATH_MAX, "%.*s/_data", PATH_MAX - 8, v->dir);
	return 0;
}

static int
check_name(const char *name)
{
	if (parse_name("volume name", name, 255) == 0)
		return 0;
	return err_set(ERR_INVALID, name,
		"\"%s\" includes invalid characters for a local volume name, only "
		"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed",
		name);
}

int
volume_find(const char *name, struct volume *v)
{
	if (check_name(name) < 0 || fill(name, v) < 0)
		return -1;
	return dir_exists(v->data);
}

static int
write_document(const char *dir, const json_t *labels, bool anonymous)
{
	char path[PATH_MAX];
	auto_buf struct buf text = BUF_INIT, when = BUF_INIT;
	time_rfc3339(time(NULL), &when);
	auto_json json_t *own = labels ? json_deep_copy(labels) : json_object();
	if (anonymous)
		json_object_set_new(own, ANONYMOUS, json_string(""));
	auto_json json_t *doc = json_pack("{s:s,s:s,s:O,s:n,s:s}", "CreatedAt", when.s, "Driver",
		"local", "Labels", own, "Options", "Scope", "local");
	json_visible(doc, JSON_INDENT(2), &text);
	buf_addc(&text, '\n');
	snprintf(path, sizeof(path), "%.*s/volume.json", PATH_MAX - 20, dir);
	return sys_replace("what it is", path, text.s, text.len, 0600);
}

static void
note_change(const char *action, const char *name)
{
	auto_json json_t *attributes = json_pack("{s:s}", "driver", "local");
	event_note("volume", action, name, attributes);
}

/* One without a name is known to nobody but the box that could not be made. */
static int
undo_volume(const char *dir, const char *name)
{
	if (undo_remove_tree(dir, NULL) < 0)
		return -1;
	note_change("destroy", name);
	return 0;
}

static void
push_anonymous(const struct volume *v)
{
	auto_buf struct buf shell = BUF_INIT;
	buf_adds(&shell, "rm -rf ");
	buf_add_sh(&shell, v->dir);
	undo_push(undo_volume, v->dir, v->name, shell.s);
}

/* Made beside, and then given its name: whoever finds it finds it whole. Of two who make the same
 * one, the second finds that of the first. */
int
volume_make(const char *name, const json_t *labels, struct volume *v, bool *made)
{
	char id[65], place[PATH_MAX], tmp[PATH_MAX], data[PATH_MAX];
	*made = false;
	if (box_random_id(id) < 0 || volume_place(place) < 0)
		return -1;
	int there = volume_find(name ? name : id, v);
	if (there != 0)
		return there < 0 ? -1 : 0;
	if (sys_keep_dir("the place of volumes", place, 0711) < 0)
		return -1;
	snprintf(tmp, sizeof(tmp), "%.*s/.tmp-%.16s", PATH_MAX - 100, place, id);
	snprintf(data, sizeof(data), "%.*s/_data", PATH_MAX - 8, tmp);
	if (sys_mkdir("a volume", tmp, 0711) < 0)
		return -1;
	undo_push(undo_empty_dir, tmp, NULL, "rm -rf _data volume.json");
	if (sys_mkdir("what boxes see of it", data, 0755) < 0 ||
		write_document(tmp, labels, !name) < 0)
		return -1;
	if (sys_publish("now it is there", tmp, v->dir) == 0) {
		*made = true;
		if (!name)
			push_anonymous(v);
		note_change("create", v->name);
		return 0;
	}
	if (err.no != EEXIST && err.no != ENOTEMPTY)
		return -1;
	return sys_remove_tree("somebody was quicker", tmp);
}

json_t *
volume_read(const struct volume *v)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%.*s/volume.json", PATH_MAX - 20, v->dir);
	json_t *doc = json_read(path, JSON_SIZE_MAX);
	if (!doc)
		return NULL;
	json_object_set_new(doc, "Name", json_string(v->name));
	json_object_set_new(doc, "Mountpoint", json_string(v->data));
	return doc;
}

bool
volume_is_anonymous(const json_t *doc)
{
	return json_object_get(json_object_get(doc, "Labels"), ANONYMOUS) != NULL;
}

int
volume_each(int (*each)(const struct volume *v, void *arg), void *arg)
{
	char place[PATH_MAX];
	const struct dirent *e;
	struct volume v;
	int r = 0;
	if (volume_place(place) < 0)
		return -1;
	auto_dir DIR *d = opendir(place);
	while (d && r == 0 && (e = readdir(d)))
		if (e->d_name[0] != '.' && fill(e->d_name, &v) == 0 && dir_exists(v.data))
			r = each(&v, arg);
	return r;
}

static int
add_uses(const struct box *b, void *arg)
{
	json_t *users = arg, *m;
	auto_json json_t *doc = box_read_if(b, "box.json");
	size_t i;
	json_array_foreach(json_object_get(doc, "Mounts"), i, m)
	{
		const char *name = box_text(m, "Name");
		json_t *ids = json_object_get(users, name);
		if (!ids && *name)
			json_object_set_new(users, name, ids = json_array());
		json_array_append_new(ids, json_string(b->id));
	}
	return 0;
}

json_t *
volumes_users(void)
{
	json_t *users = json_object();
	box_each(add_uses, users);
	return users;
}

int
volume_remove(const struct volume *v)
{
	auto_json json_t *users = volumes_users();
	const json_t *first = json_array_get(json_object_get(users, v->name), 0);
	if (first)
		return err_set(ERR_IN_USE, v->name, "remove %s: volume is in use - [%s]", v->name,
			json_string_value(first));
	return volume_remove_unused(v);
}

int
volume_remove_unused(const struct volume *v)
{
	if (sys_remove_tree("all that it holds", v->dir) < 0)
		return -1;
	note_change("destroy", v->name);
	return 0;
}
