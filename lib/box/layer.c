/* SPDX-License-Identifier: MIT */
#include "box/layer.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "base/parse.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_quota.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Below it mkfs.ext4 makes no journal, and a power cut could leave half of a change. */
#define LEAST ((int64_t)8 << 20)
#define MOST ((int64_t)1 << 44) /* 16 TiB: a file of ext4 with blocks of 4096 bytes */

static const char file_system[] = "ext4";
static const char why[] = "its writable layer, a file system of the size it was given";
static const char *const types[] = {"project", "loop", "tmpfs"};

static int
check_size(const char *text)
{
	int64_t size;
	if (parse_size(text, &size) < 0)
		return err_prefix("storage option size");
	if (size < LEAST || size > MOST)
		return err_set(ERR_INVALID, text,
			"a writable layer of %s: it is to be from 8M to 16384G", text);
	return 0;
}

static int
check_type(const char *text)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(text, types[i]) == 0)
			return 0;
	return err_set(
		ERR_INVALID, text, "storage option type is project, loop or tmpfs, not '%s'", text);
}

int
box_layer_check(const json_t *h)
{
	const char *key;
	json_t *value;
	bool sized = false, typed = false;
	json_object_foreach(json_object_get(h, "StorageOpt"), key, value)
	{
		const char *text = json_string_value(value);
		if (strcmp(key, "size") == 0)
			sized = true;
		else if (strcmp(key, "type") == 0)
			typed = true;
		else
			return err_set(ERR_INVALID, key,
				"there is no storage option %s here: there are size and type", key);
		if ((*key == 's' ? check_size(text) : check_type(text)) < 0)
			return -1;
	}
	return typed && !sized ? err_set(ERR_INVALID, "type", "storage option type needs size") : 0;
}

static int64_t
size_of(const json_t *doc)
{
	int64_t size;
	return parse_size(box_text(doc, "HostConfig.StorageOpt.size"), &size) < 0 ? -1 : size;
}

const char *
box_layer_type(const json_t *doc)
{
	const char *type = box_text(doc, "Layer.Type");
	if (*type)
		return type;
	/* Before there were others. */
	return *box_text(doc, "HostConfig.StorageOpt.size") ? "loop" : "";
}

static bool
is_type(const json_t *doc, const char *type)
{
	return strcmp(box_layer_type(doc), type) == 0;
}

void
box_layer_path(const struct box *b, const json_t *doc, const char *name, char path[PATH_MAX])
{
	char at[32];
	snprintf(at, sizeof(at), "%s%s", *box_layer_type(doc) ? "layer/" : "", name);
	box_path(b, at, path);
}

/* sbin is not on everybody's path. */
static const char *
program(void)
{
	static const char usual[] = "/usr/sbin/mkfs.ext4";
	return access(usual, X_OK) == 0 ? usual : path_base(usual);
}

static int
make_loop(const struct box *b, int64_t size)
{
	char image[PATH_MAX], blocks[32];
	box_path(b, "layer.img", image);
	snprintf(blocks, sizeof(blocks), "%" PRId64 "k", size / 1024);
	/* Nothing is left to the kernel for later, nothing is kept for root, and the zeros that the
	 * new file has are not written once more: it stays sparse. */
	const char *const argv[] = {program(), "-q", "-F", "-b", "4096", "-m", "0", "-E",
		"lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0", image, blocks, NULL};
	if (run_tool(why, argv, NULL) == 0)
		return 0;
	return err.class == ERR_NOT_FOUND ? err_hint("mkfs.ext4 is in the package e2fsprogs") : -1;
}

/* A number of its own, from its id: 28 bits of it, above those that people give by hand. */
static int
make_project(const struct box *b, const char *place, int64_t size, json_t *doc)
{
	char digits[8];
	snprintf(digits, sizeof(digits), "%.7s", b->id);
	uint32_t id = 0x40000000u + (uint32_t)strtoul(digits, NULL, 16);
	while (!sys_project_is_free(place, id))
		id++;
	if (sys_project_set("its writable layer is a project of its own", place, id) < 0 ||
		sys_project_limit("which may have no more than that", b->dir, id, size) < 0)
		return -1;
	return json_object_set_new(
		json_object_get(doc, "Layer"), "Project", json_integer((json_int_t)id));
}

/* Who may not have it should hear it now. */
static int
choose(const struct box *b, const json_t *doc, const char **type)
{
	const char *size = box_text(doc, "HostConfig.StorageOpt.size");
	*type = box_text(doc, "HostConfig.StorageOpt.type");
	bool project = !rootless_here() && strcmp(*type, "loop") != 0 && sys_project_there(b->dir);
	if (strcmp(*type, "tmpfs") == 0)
		return 0;
	if (rootless_here()) {
		err_set(ERR_UNSUPPORTED, "size",
			"a writable layer of %s: only root can have one of a given size on the disk",
			size);
		return err_hint("--storage-opt type=tmpfs has it in memory, until the box ends");
	}
	if (!project && strcmp(*type, "project") == 0) {
		err_set(ERR_UNSUPPORTED, b->dir,
			"a writable layer of %s: the file system of %s keeps no project quotas",
			size, b->dir);
		return err_hint(
			"xfs, and ext4 made with -O quota,project, do when they are mounted "
			"with prjquota");
	}
	*type = project ? "project" : "loop";
	return 0;
}

int
box_layer_make(const struct box *b, json_t *doc)
{
	char place[PATH_MAX];
	const char *type;
	int64_t size = size_of(doc);
	if (!*box_text(doc, "HostConfig.StorageOpt.size"))
		return 0;
	if (size < 0 || choose(b, doc, &type) < 0)
		return -1;
	json_object_set_new(doc, "Layer", json_pack("{s:s}", "Type", type));
	box_path(b, "layer", place);
	if (sys_mkdir("where its writable layer is", place, 0700) < 0)
		return -1;
	return strcmp(type, "loop") == 0       ? make_loop(b, size)
		: strcmp(type, "project") == 0 ? make_project(b, place, size, doc)
					       : 0;
}

/* size 0: none. */
static int
limit_project(const char *reason, const struct box *b, const json_t *doc, int64_t size)
{
	uint32_t id = (uint32_t)json_integer_value(box_value(doc, "Layer.Project"));
	return !is_type(doc, "project") || !id ? 0 : sys_project_change(reason, b->dir, id, size);
}

int
box_layer_lift(const struct box *b, const json_t *doc, bool lifted)
{
	if (!is_type(doc, "project"))
		return 0;
	return lifted ? limit_project("no limit while its layers are joined", b, doc, 0)
		      : limit_project("its limit again", b, doc, size_of(doc));
}

int
box_layer_remove(const struct box *b, const json_t *doc)
{
	/* A file system that keeps none any more has none to take away. */
	return sys_project_there(b->dir)
		? limit_project("its project has no limit any more", b, doc, 0)
		: 0;
}

static bool
is_mounted(const struct box *b)
{
	char place[PATH_MAX];
	box_path(b, "layer", place);
	return mount_is_on(place);
}

/* Whether something is mounted on layer/. */
static bool
is_mount(const json_t *doc)
{
	return is_type(doc, "loop") || is_type(doc, "tmpfs");
}

bool
box_layer_is_hidden(const struct box *b, const json_t *doc)
{
	return is_mount(doc) && !is_mounted(b);
}

bool
box_layer_is_gone(const struct box *b, const json_t *doc)
{
	return is_type(doc, "tmpfs") && !is_mounted(b);
}

/* What is written to the layer is the box's, and so is its mode, which ufs-mount sets. */
static int
mount_tmpfs(const char *place, int64_t size)
{
	char data[64];
	auto_fd int dir = step_dry() ? -1 : open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && !step_dry())
		return err_sys("open", place, "cannot open %s", place);
	snprintf(data, sizeof(data), "size=%" PRId64 ",mode=0700", size);
	return sys_mount_at("its writable layer, in memory, of the size it was given", "tmpfs", dir,
		place, "tmpfs", MS_NOSUID | MS_NODEV, data);
}

int
box_layer_mount(const struct box *b, const json_t *doc)
{
	char image[PATH_MAX], place[PATH_MAX];
	box_path(b, "layer.img", image);
	box_path(b, "layer", place);
	/* A box that was started since somebody looked has it there, in a namespace of ours too. */
	if (is_mounted(b))
		return 0;
	if (is_type(doc, "tmpfs"))
		return mount_tmpfs(place, size_of(doc));
	/* What is deleted becomes a hole of the file again. */
	return sys_mount_image(why, image, file_system, place, "discard");
}

int
box_layer_keep(const struct box *b, const json_t *doc)
{
	char place[PATH_MAX];
	if (!is_mount(doc))
		return 0;
	box_path(b, "layer", place);
	return state_note("mount", place) < 0 ? -1 : box_layer_mount(b, doc);
}

int
box_layer_umount(const struct box *b)
{
	char place[PATH_MAX];
	box_path(b, "layer", place);
	if (is_mounted(b) &&
		sys_umount("its writable layer; a loop device goes with its last user", place,
			MNT_DETACH) < 0)
		return -1;
	return state_noted("mount", place) ? state_forget("mount", place) : 0;
}

int
box_layer_open(const struct box *b, const json_t *doc, int *fd)
{
	char image[PATH_MAX];
	*fd = -1;
	if (!is_type(doc, "loop"))
		return 0;
	box_path(b, "layer.img", image);
	return sys_open_image("its writable layer, to be looked at", image, file_system, fd);
}
