/* SPDX-License-Identifier: MIT
 * What of the host, and which volumes, a box sees.
 */
#include "base/auto.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parse.h"
#include "box/merge.h"
#include "box/volume.h"
#include "door/bulk.h"
#include "door/sys.h"
#include "image/lower.h"
#include "mech/overlay_merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYERS_MAX 500

struct job {
	json_t *mounts; /* what comes of it */
	bool mapped; /* the box has ids of its own */
	const struct store *s;
	const struct image *img;
};

/* The last one given for a place counts, as Docker has it for -v and VOLUME. */
static bool
covered(const struct job *j, const char *destination)
{
	json_t *m;
	size_t i;
	json_array_foreach(j->mounts, i,
		m) if (strcmp(json_string_value(json_object_get(m, "Destination")), destination) ==
		0) return true;
	return false;
}

/* Where in the box that is (moby, volume/mounts: path.Clean), so that no ".." of an image or a
 * request is ever looked for. The caller's; NULL with `err` set. */
static char *
place_of(const char *destination)
{
	auto_free char *clean = path_clean(destination);
	if (*destination != '/')
		err_set(ERR_INVALID, destination,
			"invalid mount path: '%s' mount path must be absolute", destination);
	else if (!*clean)
		err_set(ERR_INVALID, destination,
			"invalid mount path: '%s' destination can't be '/'", destination);
	else
		return fmt_new("/%s", clean);
	return NULL;
}

/* The same, of which there is none yet. */
static char *
free_place(const struct job *j, const char *destination)
{
	char *place = place_of(destination);
	if (!place || !covered(j, place))
		return place;
	err_set(ERR_INVALID, place, "Duplicate mount point: %s", place);
	free(place);
	return NULL;
}

/* ---- filling a volume ---- */

/* Directories of this path in the layers, bottom first, as overlay would join them. */
static size_t
find_parts(const struct job *j, const char *path, char *parts[LAYERS_MAX])
{
	size_t n = 0;
	bool cut = false;
	enum look got = LOOK_ABSENT;
	for (size_t i = j->img->n; i > 0 && !cut && n < LAYERS_MAX; i--) {
		char dir[PATH_MAX];
		int parent = -1;
		struct stat sb;
		if (store_layer_path(j->s, j->img->layers[i - 1].chain, dir) < 0)
			break;
		auto_fd int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			break;
		got = lower_look(fd, path, false, &parent, &sb, &cut);
		if (parent >= 0)
			close(parent);
		if (got == LOOK_HIDDEN || got == LOOK_FAILED ||
			(got == LOOK_FOUND && !S_ISDIR(sb.st_mode)))
			break;
		if (got == LOOK_FOUND)
			parts[n++] = fmt_new("%s/%s", dir, path);
	}
	for (size_t a = 0; a + 1 < n - a && n; a++) {
		char *swap = parts[a];
		parts[a] = parts[n - 1 - a];
		parts[n - 1 - a] = swap;
	}
	return n;
}

static bool
is_empty_dir(const char *path)
{
	const struct dirent *e;
	auto_dir DIR *d = opendir(path);
	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			return false;
	return d != NULL;
}

/* A volume that is empty gets what the image has at that place, and its owner and mode. */
static int
fill(const struct job *j, const struct volume *v, const char *destination)
{
	char *parts[LAYERS_MAX];
	int r = 0;
	if (!is_empty_dir(v->data))
		return 0;
	size_t n = find_parts(j, destination + 1, parts);
	auto_fd int to = n ? open(v->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (to >= 0) {
		struct copy c = {.to = to, .shown = v->data, .owners = true};
		struct stat sb;
		r = overlay_merge(&c, (const char *const *)parts, n);
		auto_fd int top = open(parts[n - 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		const struct copy_source from = {top, parts[n - 1], ".", &sb};
		if (r == 0 && top >= 0 && fstat(top, &sb) == 0)
			r = copy_dir_attributes(&c, &from, to, "");
		copy_end(&c);
	}
	while (n)
		free(parts[--n]);
	return r;
}

/* ---- one mount point each ---- */

static void
add(struct job *j, const char *type, const char *name, const char *source, const char *destination,
	const char *mode, bool rw, const char *propagation)
{
	json_t *m = json_pack("{s:s,s:s,s:s,s:s,s:b,s:s}", "Type", type, "Source", source,
		"Destination", destination, "Mode", mode, "RW", rw, "Propagation", propagation);
	if (name) {
		json_object_set_new(m, "Name", json_string(name));
		json_object_set_new(m, "Driver", json_string("local"));
	}
	json_array_append_new(j->mounts, m);
}

static int
add_volume(struct job *j, const char *name, const json_t *labels, const char *destination,
	const char *mode, bool rw, bool nocopy)
{
	struct volume v;
	bool made;
	auto_fd int lock = -1;
	if (volume_make(name, labels, &v, &made) < 0)
		return -1;
	/* Who finds something in it shall find all of it. */
	if (!nocopy && (volume_lock_data(&v, &lock) < 0 || fill(j, &v, destination) < 0))
		return -1;
	add(j, "volume", v.name, v.data, destination, mode, rw, "");
	return 0;
}

/* A word of the third part of --volume. */
static int
mode_word(const struct job *j, const char *word, bool *rw, bool *nocopy, char propagation[16])
{
	static const char *const kinds[] = {
		"shared", "rshared", "slave", "rslave", "private", "rprivate"};
	for (size_t i = 0; i < 6; i++)
		if (strcmp(word, kinds[i]) == 0) {
			snprintf(propagation, 16, "%s", word);
			return 0;
		}
	if (strcmp(word, "ro") == 0)
		*rw = false;
	else if (strcmp(word, "nocopy") == 0)
		*nocopy = true;
	else if (strcmp(word, "idmap") == 0 && !j->mapped)
		return err_set(ERR_INVALID, word, "mode idmap is for boxes with --userns");
	else if (strcmp(word, "idmap") != 0 && strcmp(word, "rw") != 0 && strcmp(word, "z") != 0 &&
		strcmp(word, "Z") != 0)
		return err_set(ERR_INVALID, word, "invalid mode: %s", word);
	return 0;
}

static int
add_bind(struct job *j, const char *text)
{
	auto_free char *copy = str_new(text);
	char *rest = copy, *source = strsep(&rest, ":"), *target = strsep(&rest, ":");
	char propagation[16] = "", *modes = rest, *word;
	bool rw = true, nocopy = false;
	auto_free char *mode = str_new(rest ? rest : "");
	if (!target || !*source || !*target)
		return err_set(ERR_INVALID, text, "invalid volume specification: '%s'", text);
	while (modes && (word = strsep(&modes, ",")))
		if (mode_word(j, word, &rw, &nocopy, propagation) < 0)
			return err_prefix("invalid volume specification: '%s'", text);
	auto_free char *destination = free_place(j, target);
	if (!destination)
		return -1;
	if (*source != '/')
		return add_volume(j, source, NULL, destination, *mode ? mode : "z", rw, nocopy);
	/* As dockerd: what is missing on the host is made, a directory of root's. */
	if (!file_exists(source) && sys_mkdir_all("what it shows of the host", source, 0755) < 0)
		return -1;
	add(j, "bind", NULL, source, destination, mode, rw,
		*propagation ? propagation : "rprivate");
	return 0;
}

static int
add_mount(struct job *j, json_t *m)
{
	const char *type = json_text(m, "Type"), *source = json_text(m, "Source");
	bool rw = !json_is_true(json_object_get(m, "ReadOnly"));
	const json_t *volume = json_object_get(m, "VolumeOptions");
	const char *propagation = json_text(json_object_get(m, "BindOptions"), "Propagation");
	auto_free char *target = free_place(j, json_text(m, "Target"));
	if (!target)
		return -1;
	json_object_set_new(m, "Target", json_string(target));
	if (strcmp(type, "tmpfs") == 0) {
		add(j, "tmpfs", NULL, "", target, "", rw, "");
		return 0;
	}
	if (strcmp(type, "volume") == 0)
		return add_volume(j, *source ? source : NULL, json_object_get(volume, "Labels"),
			target, "z", rw, json_is_true(json_object_get(volume, "NoCopy")));
	if (strcmp(type, "bind") != 0)
		return err_set(ERR_INVALID, type, "mount type unknown: '%s'", type);
	if (*source != '/')
		return err_set(ERR_INVALID, source,
			"invalid mount path: '%s' mount path must be absolute", source);
	if (!file_exists(source))
		return err_set(ERR_INVALID, source, "bind source path does not exist: %s", source);
	add(j, "bind", NULL, source, target, "", rw, *propagation ? propagation : "rprivate");
	return 0;
}

static int
add_from(struct job *j, const char *text)
{
	auto_free char *name = str_new(text);
	char *mode = strchr(name, ':');
	struct box other;
	json_t *m;
	size_t i;
	if (mode)
		*mode++ = '\0';
	if (box_find(name, &other) < 0)
		return -1;
	auto_json json_t *doc = box_read(&other, "box.json");
	if (!doc)
		return -1;
	json_array_foreach(json_object_get(doc, "Mounts"), i, m)
	{
		if (covered(j, json_text(m, "Destination")))
			continue;
		json_t *copy = json_deep_copy(m);
		if (mode && strcmp(mode, "ro") == 0)
			json_object_set_new(copy, "RW", json_false());
		json_array_append_new(j->mounts, copy);
	}
	return 0;
}

/* They are mounted from there (bundle_mounts): by their clean places. */
static int
add_tmpfs(const struct job *j, json_t *h)
{
	auto_json json_t *clean = json_object();
	const char *key;
	json_t *options;
	json_object_foreach(json_object_get(h, "Tmpfs"), key, options)
	{
		auto_free char *place = free_place(j, key);
		if (!place)
			return -1;
		if (json_object_get(clean, place))
			return err_set(ERR_INVALID, place, "Duplicate mount point: %s", place);
		json_object_set(clean, place, options);
	}
	return json_object_set(h, "Tmpfs", clean);
}

/* Volumes of the image, and those of the request that have no name, where nothing else is. */
static int
add_anonymous(struct job *j, const json_t *h, json_t *volumes)
{
	const char *key;
	json_t *item;
	json_object_foreach(volumes, key, item)
	{
		auto_free char *place = place_of(key);
		if (!place)
			return -1;
		if (!covered(j, place) && !json_object_get(json_object_get(h, "Tmpfs"), place) &&
			add_volume(j, NULL, NULL, place, "", true, false) < 0)
			return -1;
	}
	return 0;
}

int
box_add_mounts(json_t *doc, const struct store *s, const struct image *img)
{
	json_t *h = json_object_get(doc, "HostConfig"), *item;
	struct job j = {
		json_object_get(doc, "Mounts"), json_object_get(h, "IDMappings") != NULL, s, img};
	size_t i;
	json_array_foreach(
		json_object_get(h, "Mounts"), i, item) if (add_mount(&j, item) < 0) return -1;
	json_array_foreach(json_object_get(h, "Binds"), i,
		item) if (add_bind(&j, json_string_value(item)) < 0) return -1;
	if (add_tmpfs(&j, h) < 0)
		return -1;
	json_array_foreach(json_object_get(h, "VolumesFrom"), i,
		item) if (add_from(&j, json_string_value(item)) < 0) return -1;
	return add_anonymous(&j, h, json_object_get(json_object_get(doc, "Config"), "Volumes"));
}
