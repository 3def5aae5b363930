/* SPDX-License-Identifier: MIT
 * One more program in a container: POST /containers/ID/exec makes a note of what is asked,
 * POST /exec/ID/start runs box-exec, GET /exec/ID/json reads the note.
 *
 * The notes are files, $TACKLEBOX_RUN/exec/ID.json, so that the next apid knows them. They go five
 * minutes after the program's end, when the next one is made.
 */
#include "exec.h"

#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "box/box.h"
#include "door/state.h"
#include "door/sys.h"
#include "door/undo.h"
#include "job.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define KEEP 300

static int
place(char dir[PATH_MAX])
{
	if (state_run(dir) < 0)
		return -1;
	size_t n = strlen(dir);
	snprintf(dir + n, PATH_MAX - n, "/exec");
	return 0;
}

static int
note_path(const char *id, char path[PATH_MAX])
{
	if (strlen(id) != 64 || strspn(id, "0123456789abcdef") != 64)
		return err_set(ERR_NOT_FOUND, id, "No such exec instance: %s", id);
	if (place(path) < 0)
		return -1;
	size_t n = strlen(path);
	snprintf(path + n, PATH_MAX - n, "/%s.json", id);
	return 0;
}

int
exec_write(const char *id, const json_t *doc)
{
	char dir[PATH_MAX], path[PATH_MAX];
	char *text = json_dumps(doc, JSON_COMPACT);
	if (!text || place(dir) < 0 || note_path(id, path) < 0) {
		free(text);
		return -1;
	}
	pthread_mutex_lock(&door);
	int r = sys_keep_dir("notes of programs in containers", dir, 0700) < 0
		? -1
		: sys_replace("what is asked for, and what became of it", path, text, strlen(text),
			  0600);
	undo_forget();
	pthread_mutex_unlock(&door);
	free(text);
	return r;
}

void
exec_event(const json_t *note, const char *action, json_t *more)
{
	struct box b;
	json_t *all = more ? more : json_object();
	json_object_set(all, "execID", json_object_get(note, "ID"));
	if (box_of(box_text(note, "ContainerID"), &b) == 0)
		tell_event(&b, action, all);
	else
		json_decref(all);
}

int
exec_keys(const json_t *note, struct attach_keys *keys)
{
	const char *text = box_text(note, "DetachKeys");
	return attach_keys_read(*text ? text : ATTACH_KEYS_USUAL, keys);
}

json_t *
exec_read(const char *id)
{
	char path[PATH_MAX];
	if (note_path(id, path) < 0)
		return NULL;
	json_t *doc = json_read(path, JSON_SIZE_MAX);
	if (!doc)
		err_set(ERR_NOT_FOUND, id, "No such exec instance: %s", id);
	return doc;
}

/* Those whose program has ended long ago, or never began. */
static void
sweep(void)
{
	char dir[PATH_MAX], path[PATH_MAX + 300];
	struct stat sb;
	time_t now = time(NULL);
	if (place(dir) < 0)
		return;
	auto_dir DIR *d = opendir(dir);
	for (const struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] == '.' || stat(path, &sb) < 0 || now - sb.st_mtime < KEEP)
			continue;
		auto_json json_t *doc = json_read(path, JSON_SIZE_MAX);
		if (json_is_true(json_object_get(doc, "Running")))
			continue;
		pthread_mutex_lock(&door);
		sys_unlink("it has ended long ago", path);
		undo_forget();
		pthread_mutex_unlock(&door);
	}
	err_clear();
}

static json_t *
strings(const json_t *list)
{
	json_t *out = json_array(), *item;
	size_t i;
	if (json_is_string(list))
		json_array_append(out, (json_t *)(uintptr_t)list);
	json_array_foreach(list, i, item) if (json_is_string(item)) json_array_append(out, item);
	return out;
}

static json_t *
note_of(const json_t *asked, const char *id, const struct box *b)
{
	auto_json json_t *cmd = strings(body_member(asked, "Cmd"));
	json_t *entry = json_array_get(cmd, 0), *args = json_copy(cmd);
	json_array_remove(args, 0);
	return json_pack(
		"{s:s,s:b,s:n,s:{s:b,s:O,s:o,s:b,s:s},s:b,s:b,s:b,s:b,s:s,s:s,s:i,s:O,s:o,s:s,s:O?}",
		"ID", id, "Running", 0, "ExitCode", "ProcessConfig", "tty", body_flag(asked, "Tty"),
		"entrypoint", entry, "arguments", args, "privileged",
		body_flag(asked, "Privileged"), "user", body_text(asked, "User"), "OpenStdin",
		body_flag(asked, "AttachStdin"), "OpenStdout", body_flag(asked, "AttachStdout"),
		"OpenStderr", body_flag(asked, "AttachStderr"), "CanRemove", 0, "ContainerID",
		b->id, "DetachKeys", body_text(asked, "DetachKeys"), "Pid", 0, "Cmd", cmd, "Env",
		strings(body_member(asked, "Env")), "WorkingDir", body_text(asked, "WorkingDir"),
		"ConsoleSize", body_member(asked, "ConsoleSize"));
}

/* "exec_create: sh -c …", quoted as box-exec quotes it in "exec_start: …". */
static void
tell_created(const json_t *note)
{
	auto_buf struct buf action = BUF_INIT;
	struct strlist l = {0};
	json_t *item;
	size_t i;
	json_array_foreach(json_object_get(note, "Cmd"), i, item) word(&l, json_string_value(item));
	strlist_add(&l, NULL);
	buf_adds(&action, "exec_create: ");
	buf_add_argv(&action, (char **)(uintptr_t)l.v);
	words_free(&l);
	exec_event(note, action.s, NULL);
}

int
exec_create(struct request *r)
{
	char id[65];
	struct box b;
	pid_t pid;
	if (box_find(r->part[0], &b) < 0 || box_pid(&b, false, &pid, NULL) < 0)
		return -1;
	auto_json json_t *asked = body_json(r, false);
	if (!asked)
		return -1;
	auto_json json_t *cmd = strings(body_member(asked, "Cmd"));
	if (!json_array_size(cmd))
		return err_set(ERR_INVALID, NULL, "No exec command specified");
	sweep();
	if (box_random_id(id) < 0)
		return -1;
	auto_json json_t *note = note_of(asked, id, &b);
	struct attach_keys keys;
	if (exec_keys(note, &keys) < 0 || exec_write(id, note) < 0)
		return -1;
	tell_created(note);
	return reply_json(r, 201, json_pack("{s:s}", "Id", id));
}

int
exec_inspect(struct request *r)
{
	json_t *doc = exec_read(r->part[0]);
	return doc ? reply_json(r, 200, doc) : -1;
}
