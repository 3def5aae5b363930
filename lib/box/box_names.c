/* SPDX-License-Identifier: MIT
 * A box's name, and its end.
 */
#include "base/auto.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/attach.h"
#include "box/box.h"
#include "box/event.h"
#include "box/layer.h"
#include "box/volume.h"
#include "door/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
name_path(const char *name, char link[PATH_MAX])
{
	char names[PATH_MAX];
	if (box_places(true, names) < 0)
		return -1;
	if (snprintf(link, PATH_MAX, "%s/%s", names, name) >= PATH_MAX)
		return err_set(ERR_INVALID, name, "the name %s is too long", name);
	return 0;
}

static bool
leads_to(const char *link, char id[128])
{
	char target[128];
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	snprintf(id, 128, "%s", path_base(target));
	return n > 0;
}

/* Who makes a box makes its directory first, and who removes one takes the name away first: so a
 * name that leads nowhere was left by a program that was killed. */
int
box_take_name(const struct box *b, const char *name)
{
	char names[PATH_MAX], link[PATH_MAX], target[80], id[128];
	struct box other;
	if (name[0] == '\0' || !name[1] || parse_name("name", name, 200) < 0)
		return err_set(ERR_INVALID, name,
			"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			name);
	if (box_places(true, names) < 0 || sys_keep_dir("the place of names", names, 0711) < 0 ||
		name_path(name, link) < 0)
		return -1;
	snprintf(target, sizeof(target), "../boxes/%s", b->id);
	for (int i = 0; i < 3; i++) {
		if (sys_symlink("reserve its name", target, link) == 0)
			return 0;
		if (err.no != EEXIST)
			return -1;
		if (!leads_to(link, id))
			continue;
		if (box_of(id, &other) == 0 && dir_exists(other.dir))
			return err_set(ERR_CONFLICT, name,
				"Conflict. The container name \"/%s\" is already in use by container "
				"\"%s\". You have to remove (or rename) that container to be able to "
				"reuse that name.",
				name, id);
		if (sys_unlink("it leads nowhere", link) < 0 && err.no != ENOENT)
			return -1;
	}
	return err_set(ERR_CONFLICT, name, "the name %s is in use", name);
}

int
box_drop_name(const struct box *b, const char *name)
{
	char link[PATH_MAX], id[128];
	if (name_path(name, link) < 0)
		return -1;
	if (!leads_to(link, id) || strcmp(id, b->id) != 0)
		return 0;
	return sys_unlink("its name is free again", link);
}

static int
remove_volumes(const json_t *doc)
{
	struct volume v;
	json_t *m;
	size_t i;
	auto_fd int lock = -1;
	if (volume_lock(true, &lock) < 0)
		return -1;
	json_array_foreach(json_object_get(doc, "Mounts"), i, m)
	{
		const char *name = json_string_value(json_object_get(m, "Name"));
		if (!name || volume_find(name, &v) != 1)
			continue;
		auto_json json_t *volume = volume_read(&v);
		if (!volume_is_anonymous(volume))
			continue;
		if (volume_remove(&v) < 0 && err.class != ERR_IN_USE)
			return -1;
		err_clear();
	}
	return 0;
}

/* Who waits for it sees that it is gone. */
static int
forget_waiting(const struct box *b)
{
	char dir[PATH_MAX];
	if (attach_wait_dir(b, dir) < 0)
		return -1;
	return dir_exists(dir) ? sys_remove_tree("nobody can wait for it any more", dir) : 0;
}

int
box_remove(const struct box *b, bool volumes)
{
	char path[PATH_MAX];
	auto_json json_t *doc = box_read_if(b, "box.json");
	if (doc && (box_layer_remove(b, doc) < 0 || box_drop_name(b, box_text(doc, "Name")) < 0))
		return -1;
	/* From here on it is no box any more. */
	box_path(b, "box.json", path);
	if (file_exists(path) && sys_unlink("it is no box any more", path) < 0)
		return -1;
	if (doc)
		event_box(doc, "destroy", NULL);
	if (sys_remove_tree("all that it was", b->dir) < 0 || forget_waiting(b) < 0)
		return -1;
	return volumes && doc ? remove_volumes(doc) : 0;
}
