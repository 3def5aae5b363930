/* SPDX-License-Identifier: MIT */
#include "box/box.h"

#include "base/auto.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/event.h"
#include "box/volume.h"
#include "door/state.h"
#include "door/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void
box_path(const struct box *b, const char *name, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s/%s", b->dir, name) >= PATH_MAX)
		path[0] = '\0';
}

int
box_places(bool names, char path[PATH_MAX])
{
	return state_root_path(path, names ? "names" : "boxes");
}

int
box_run_dir(const struct box *b, char path[PATH_MAX])
{
	return state_run_path(path, "%.12s", b->id);
}

int
box_random_id(char id[65])
{
	unsigned char raw[32];
	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_sys("getrandom", NULL, "cannot make an id");
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(id + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

static bool
is_id(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static int
fill(const char *boxes, const char *id, struct box *b)
{
	/* It may be b->id itself, or too long for one. */
	char copy[sizeof(b->id)];
	snprintf(copy, sizeof(copy), "%s", id);
	memcpy(b->id, copy, sizeof(copy));
	if (snprintf(b->dir, sizeof(b->dir), "%s/%s", boxes, copy) >= (int)sizeof(b->dir))
		return err_set(ERR_INVALID, copy, "the path of box %s is too long", copy);
	return 0;
}

int
box_of(const char *id, struct box *b)
{
	char boxes[PATH_MAX];
	return box_places(false, boxes) < 0 ? -1 : fill(boxes, id, b);
}

/* One that is being made has no box.json yet, and one that is being removed none any more. */
static bool
complete(const struct box *b)
{
	char path[PATH_MAX];
	box_path(b, "box.json", path);
	return file_exists(path);
}

struct search {
	const char *text;
	struct box *out;
	int n;
};

static int
matches(const struct box *b, void *arg)
{
	struct search *s = arg;
	if (strncmp(b->id, s->text, strlen(s->text)) == 0 && s->n++ == 0)
		*s->out = *b;
	return 0;
}

int
box_find(const char *text, struct box *b)
{
	char names[PATH_MAX], link[PATH_MAX + 64], target[128];
	text += *text == '/';
	if (box_places(true, names) < 0)
		return -1;
	if (is_id(text))
		return box_of(text, b) < 0 ? -1
			: complete(b)
			? 0
			: err_set(ERR_NOT_FOUND, b->id, "No such container: %s", b->id);
	snprintf(link, sizeof(link), "%s/%s", names, text);
	ssize_t n = strchr(text, '/') || !*text ? -1 : readlink(link, target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		if (box_of(path_base(target), b) == 0 && complete(b))
			return 0;
	}
	struct search s = {text, b, 0};
	if (*text && box_each(matches, &s) < 0)
		return -1;
	if (s.n == 1)
		return 0;
	return s.n
		? err_set(ERR_CONFLICT, text, "several boxes have an id that begins with %s", text)
		: err_set(ERR_NOT_FOUND, text, "No such container: %s", text);
}

int
box_each(int (*each)(const struct box *b, void *arg), void *arg)
{
	char boxes[PATH_MAX];
	struct dirent *e;
	struct box b;
	int r = 0;
	if (box_places(false, boxes) < 0)
		return -1;
	auto_dir DIR *d = opendir(boxes);
	while (d && r == 0 && (e = readdir(d)))
		if (is_id(e->d_name) && fill(boxes, e->d_name, &b) == 0 && complete(&b))
			r = each(&b, arg);
	return r;
}

json_t *
box_read(const struct box *b, const char *file)
{
	char path[PATH_MAX];
	box_path(b, file, path);
	return json_read(path, JSON_SIZE_MAX);
}

json_t *
box_read_if(const struct box *b, const char *file)
{
	struct err before = err;
	json_t *doc = box_read(b, file);
	err = before;
	return doc;
}

/* 2^64-1, which stands for no limit, is a string in our documents (json_parse) and a number in
 * those of others. A quote inside a string is escaped: what is found here is a member. */
static void
write_unlimited(struct buf *text)
{
	static const char *const members[] = {"\"soft\":\"", "\"hard\":\""};
	for (size_t i = 0; i < 2; i++)
		for (char *p = strstr(text->s, members[i]); p; p = strstr(p, members[i])) {
			p += strlen(members[i]);
			if (strncmp(p, BOX_UNLIMITED "\"", sizeof(BOX_UNLIMITED)) != 0)
				continue;
			memmove(p - 1, p, sizeof(BOX_UNLIMITED) - 1);
			p += sizeof(BOX_UNLIMITED) - 2;
			memmove(p, p + 2, strlen(p + 2) + 1);
			text->len -= 2;
		}
}

static int
write_json(const struct box *b, const char *file, const char *why, const json_t *doc, size_t flags)
{
	char path[PATH_MAX];
	auto_buf struct buf out = BUF_INIT;
	box_path(b, file, path);
	json_visible(doc, flags, &out);
	if (flags == JSON_COMPACT)
		write_unlimited(&out);
	buf_addc(&out, '\n');
	return sys_replace(why, path, out.s, out.len, 0600);
}

int
box_write(const struct box *b, const char *file, const char *why, const json_t *doc)
{
	return write_json(b, file, why, doc, JSON_INDENT(2));
}

int
box_write_compact(const struct box *b, const char *file, const char *why, const json_t *doc)
{
	return write_json(b, file, why, doc, JSON_COMPACT);
}

json_t *
box_value(const json_t *doc, const char *path)
{
	char key[64];
	for (json_t *v;; doc = v) {
		size_t n = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		v = json_object_get(doc, key);
		if (!path[n])
			return v;
		path += n + 1;
	}
}

const char *
box_text(const json_t *doc, const char *path)
{
	const char *s = json_string_value(box_value(doc, path));
	return s ? s : "";
}

bool
box_flag(const json_t *doc, const char *path)
{
	return json_is_true(box_value(doc, path));
}

bool
box_has_check(const json_t *doc)
{
	const char *kind =
		json_string_value(json_array_get(box_value(doc, "Config.Healthcheck.Test"), 0));
	return kind && *kind && strcmp(kind, "NONE") != 0;
}

/* SIGRTMIN is the C library's; signal(7) says that it differs, Docker has 34. */
int
box_signal(const char *text)
{
	int64_t n;
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	if (is_digits(text) && parse_int(text, 1, 64, &n) == 0)
		return (int)n;
	for (int i = 1; i < 32; i++)
		if (sigabbrev_np(i) && strcasecmp(sigabbrev_np(i), name) == 0)
			return i;
	if (strcasecmp(name, "RTMIN") == 0)
		return 34;
	if (strncasecmp(name, "RTMIN+", 6) == 0 && parse_int(name + 6, 0, 30, &n) == 0)
		return 34 + (int)n;
	return err_set(ERR_INVALID, text, "Invalid signal: %s", text);
}

void
box_group(const struct box *b, char name[96])
{
	snprintf(name, 96, "tacklebox/%s", b->id);
}

void
box_netns(const struct box *b, char name[32])
{
	snprintf(name, 32, "tb-%.12s", b->id);
}

const char *
box_bridge(void)
{
	const char *name = getenv("TACKLEBOX_BRIDGE");
	return name && *name ? name : "tacklebox0";
}
