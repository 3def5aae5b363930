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
#include "door/sys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Below it mkfs.ext4 makes no journal, and a power cut could leave half of a change. */
#define LEAST ((int64_t)8 << 20)
#define MOST ((int64_t)1 << 44) /* 16 TiB: a file of ext4 with blocks of 4096 bytes */

static const char type[] = "ext4";
static const char why[] = "its writable layer, a file system of the size it was given";

bool
box_layer_is_sized(const json_t *doc)
{
	return *box_text(doc, "HostConfig.StorageOpt.size");
}

int
box_layer_check(const json_t *h)
{
	const char *key;
	json_t *value;
	int64_t size;
	json_object_foreach(json_object_get(h, "StorageOpt"), key, value)
	{
		if (strcmp(key, "size") != 0)
			return err_set(ERR_INVALID, key,
				"there is no storage option %s here: size is the only one", key);
		if (parse_size(json_string_value(value), &size) < 0)
			return err_prefix("storage option size");
		if (size < LEAST || size > MOST)
			return err_set(ERR_INVALID, json_string_value(value),
				"a writable layer of %s: it is to be from 8M to 16384G",
				json_string_value(value));
	}
	return 0;
}

void
box_layer_path(const struct box *b, const json_t *doc, const char *name, char path[PATH_MAX])
{
	char at[32];
	snprintf(at, sizeof(at), "%s%s", box_layer_is_sized(doc) ? "layer/" : "", name);
	box_path(b, at, path);
}

/* Who may not mount a loop device should hear it now. */
static int
refuse_rootless(const json_t *doc)
{
	return err_set(ERR_UNSUPPORTED, "size",
		"a writable layer of %s: only root can mount a file system of a given size",
		box_text(doc, "HostConfig.StorageOpt.size"));
}

/* sbin is not on everybody's path. */
static const char *
program(void)
{
	static const char usual[] = "/usr/sbin/mkfs.ext4";
	return access(usual, X_OK) == 0 ? usual : path_base(usual);
}

int
box_layer_make(const struct box *b, const json_t *doc)
{
	char image[PATH_MAX], place[PATH_MAX], blocks[32];
	int64_t size;
	if (!box_layer_is_sized(doc))
		return 0;
	if (rootless_here())
		return refuse_rootless(doc);
	if (parse_size(box_text(doc, "HostConfig.StorageOpt.size"), &size) < 0)
		return -1;
	box_path(b, "layer.img", image);
	box_path(b, "layer", place);
	snprintf(blocks, sizeof(blocks), "%" PRId64 "k", size / 1024);
	/* Nothing is left to the kernel for later, nothing is kept for root, and the zeros that the
	 * new file has are not written once more: it stays sparse. */
	const char *const argv[] = {program(), "-q", "-F", "-b", "4096", "-m", "0", "-E",
		"lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0", image, blocks, NULL};
	if (sys_mkdir("where its writable layer is mounted", place, 0700) < 0)
		return -1;
	if (run_tool(why, argv, NULL) == 0)
		return 0;
	return err.class == ERR_NOT_FOUND ? err_hint("mkfs.ext4 is in the package e2fsprogs") : -1;
}

static int
is_point(void *self, const struct mount_entry *m)
{
	return strcmp(m->point, self) == 0;
}

static bool
is_mounted(const struct box *b)
{
	char place[PATH_MAX];
	box_path(b, "layer", place);
	return mountinfo_each("/proc/self/mountinfo", is_point, place) == 1;
}

bool
box_layer_is_hidden(const struct box *b, const json_t *doc)
{
	return box_layer_is_sized(doc) && !is_mounted(b);
}

int
box_layer_mount(const struct box *b)
{
	char image[PATH_MAX], place[PATH_MAX];
	box_path(b, "layer.img", image);
	box_path(b, "layer", place);
	/* A box that was started since somebody looked has it there, in a namespace of ours too. */
	if (is_mounted(b))
		return 0;
	/* What is deleted becomes a hole of the file again. */
	return sys_mount_image(why, image, type, place, "discard");
}

int
box_layer_keep(const struct box *b)
{
	char place[PATH_MAX];
	box_path(b, "layer", place);
	return state_note("mount", place) < 0 ? -1 : box_layer_mount(b);
}

int
box_layer_umount(const struct box *b)
{
	char place[PATH_MAX];
	box_path(b, "layer", place);
	if (is_mounted(b) &&
		sys_umount("its writable layer; the loop device goes with its last user", place,
			MNT_DETACH) < 0)
		return -1;
	return state_noted("mount", place) ? state_forget("mount", place) : 0;
}

int
box_layer_open(const struct box *b, int *fd)
{
	char image[PATH_MAX];
	box_path(b, "layer.img", image);
	return sys_open_image("its writable layer, to be looked at", image, type, fd);
}
