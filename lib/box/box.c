/* SPDX-License-Identifier: MIT */
#include "box/box.h"

#include "base/auto.h"
#include "base/file.h"
#include "base/parse.h"
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
#include <sys/stat.h>
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
	if (state_root(path) < 0)
		return -1;
	size_t n = strlen(path);
	snprintf(path + n, PATH_MAX - n, names ? "/names" : "/boxes");
	return 0;
}

static int
fill(const char *boxes, const char *id, struct box *b)
{
	snprintf(b->id, sizeof(b->id), "%s", id);
	if (snprintf(b->dir, sizeof(b->dir), "%s/%s", boxes, id) >= (int)sizeof(b->dir))
		return err_set(ERR_INVALID, id, "the path of box %s is too long", id);
	return 0;
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
	char names[PATH_MAX], boxes[PATH_MAX], link[PATH_MAX + 64], target[128];
	text += *text == '/';
	if (box_places(true, names) < 0 || box_places(false, boxes) < 0)
		return -1;
	snprintf(link, sizeof(link), "%s/%s", names, text);
	ssize_t n = strchr(text, '/') || !*text ? -1 : readlink(link, target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		return fill(boxes, path_base(target), b);
	}
	struct search s = {text, b, 0};
	if (*text && box_each(matches, &s) < 0)
		return -1;
	if (s.n == 1)
		return 0;
	return s.n
		? err_set(ERR_CONFLICT, text, "several boxes have an id that begins with %s", text)
		: err_set(ERR_NOT_FOUND, text, "no such box: %s", text);
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
		if (strlen(e->d_name) == 64 && strspn(e->d_name, "0123456789abcdef") == 64 &&
			fill(boxes, e->d_name, &b) == 0)
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

/* Whether somebody holds the lock. Asking takes it for a moment, shared: who wants it exclusively
 * tries again (box_lock). */
static bool
held(const struct box *b)
{
	char path[PATH_MAX];
	box_path(b, "lock", path);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

void
box_state(const struct box *b, struct box_state *st)
{
	char path[PATH_MAX], line[128];
	struct stat sb;
	int64_t n;
	long long when;
	*st = (struct box_state){0};
	box_path(b, "started", path);
	if (stat(path, &sb) == 0)
		st->started = sb.st_mtime;
	if (held(b)) {
		box_path(b, "paused", path);
		st->status = file_exists(path) ? BOX_PAUSED : BOX_RUNNING;
		box_path(b, "pid", path);
		if (file_read_number(path, &n) == 0)
			st->pid = (pid_t)n;
		return;
	}
	box_path(b, "exit", path);
	if (file_read_line(path, line, sizeof(line)) == 0 &&
		sscanf(line, "%d %lld", &st->exit, &when) == 2) {
		st->status = BOX_EXITED;
		st->finished = when;
	} else if (st->started) {
		st->status = BOX_EXITED;
		st->exit = 255;
	}
}

const char *
box_status_word(enum box_status s)
{
	static const char *const words[] = {"created", "running", "paused", "exited"};
	return words[s];
}

int
box_lock(const struct box *b, int *fd)
{
	char path[PATH_MAX];
	struct stat now, ours;
	box_path(b, "lock", path);
	*fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return err_set(ERR_NOT_FOUND, b->id, "no such box: %s", b->id);
	/* Those who only look (box-ps) hold it for microseconds. */
	int r = -1;
	for (int i = 0; i < 50 && (r = flock(*fd, LOCK_EX | LOCK_NB)) < 0; i++)
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	if (r == 0 && fstat(*fd, &ours) == 0 && stat(path, &now) == 0 && now.st_ino == ours.st_ino)
		return 0;
	close(take_fd(fd));
	return r < 0 ? err_set(ERR_CONFLICT, b->id, "box %.12s is running", b->id)
		     : err_set(ERR_NOT_FOUND, b->id, "no such box: %s", b->id);
}

int
box_wait(const struct box *b)
{
	char path[PATH_MAX];
	box_path(b, "lock", path);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	while (fd >= 0 && flock(fd, LOCK_SH) < 0)
		if (errno != EINTR)
			return err_sys("flock", path, "cannot wait for box %.12s", b->id);
	return 0;
}

int
box_pid(const struct box *b, pid_t *pid)
{
	struct box_state st;
	box_state(b, &st);
	*pid = st.pid;
	if (st.status == BOX_RUNNING && st.pid > 0)
		return 0;
	return err_set(ERR_CONFLICT, b->id, "box %.12s is %s", b->id,
		st.status == BOX_PAUSED ? "paused" : "not running");
}

int
box_remove(const struct box *b)
{
	char names[PATH_MAX], link[PATH_MAX + 256], target[128];
	auto_json json_t *doc = box_read(b, "box.json");
	const char *name = json_string_value(json_object_get(doc, "Name"));
	if (box_places(true, names) < 0 || !doc)
		return -1;
	snprintf(link, sizeof(link), "%s/%s", names, name ? name : "");
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	if (strcmp(path_base(target), b->id) == 0 && sys_unlink("its name is free again", link) < 0)
		return -1;
	return sys_remove_tree("all that it was", b->dir);
}

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
	return err_set(ERR_INVALID, text, "'%s' is not a signal", text);
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
