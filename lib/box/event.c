/* SPDX-License-Identifier: MIT */
#include "box/event.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "door/state.h"
#include "door/sys.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int
event_path(char path[PATH_MAX])
{
	return state_root_path(path, "events.jsonl");
}

#define FILE_MAX ((off_t)8 << 20)

/* A file that has grown large becomes events.jsonl.1, in place of the one before it. */
static void
set_aside(const char *path)
{
	char lock[PATH_MAX], old[PATH_MAX];
	struct stat sb;
	auto_fd int fd = -1;
	if (stat(path, &sb) < 0 || sb.st_size < FILE_MAX)
		return;
	snprintf(lock, sizeof(lock), "%.*s.lock", PATH_MAX - 8, path);
	snprintf(old, sizeof(old), "%.*s.1", PATH_MAX - 8, path);
	/* Of two who want to, the second finds a small one. */
	if (sys_lock("one does it", lock, true, &fd) == 0 && stat(path, &sb) == 0 &&
		sb.st_size >= FILE_MAX)
		sys_publish("old events are set aside", path, old);
}

static void
note(json_t *event)
{
	char path[PATH_MAX];
	int64_t now = clock_ns(CLOCK_REALTIME);
	struct err before = err;
	auto_buf struct buf line = BUF_INIT;
	json_object_set_new(event, "scope", json_string("local"));
	json_object_set_new(event, "time", json_integer(now / 1000000000));
	json_object_set_new(event, "timeNano", json_integer(now));
	json_visible(event, JSON_COMPACT, &line);
	buf_addc(&line, '\n');
	if (event_path(path) == 0 && sys_append("what happened", path, line.s, line.len, 0600) == 0)
		set_aside(path);
	err = before;
}

void
event_note(const char *type, const char *action, const char *id, const json_t *attributes)
{
	auto_json json_t *event =
		json_pack("{s:s,s:s,s:{s:s,s:o}}", "Type", type, "Action", action, "Actor", "ID",
			id, "Attributes", attributes ? json_deep_copy(attributes) : json_object());
	if (event)
		note(event);
}

void
event_box(const json_t *box, const char *action, json_t *more)
{
	json_t *config = json_object_get(box, "Config");
	json_t *image = json_object_get(config, "Image");
	auto_json json_t *all = json_object();
	json_object_update(all, json_object_get(config, "Labels"));
	json_object_set(all, "image", image);
	json_object_set(all, "name", json_object_get(box, "Name"));
	if (more)
		json_object_update(all, more);
	auto_json json_t *event = json_pack("{s:s,s:O,s:O,s:s,s:s,s:{s:O,s:O}}", "status", action,
		"id", json_object_get(box, "Id"), "from", image, "Type", "container", "Action",
		action, "Actor", "ID", json_object_get(box, "Id"), "Attributes", all);
	if (event)
		note(event);
}

int
event_hold(const struct box *b, int *fd)
{
	char path[PATH_MAX];
	box_path(b, "box.json", path);
	return sys_lock("events come in their order", path, true, fd);
}
