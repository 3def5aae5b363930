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
	if (state_root(path) < 0)
		return -1;
	size_t n = strlen(path);
	snprintf(path + n, PATH_MAX - n, names ? "/names" : "/boxes");
	return 0;
}

int
box_run_dir(const struct box *b, char path[PATH_MAX])
{
	if (state_run(path) < 0)
		return -1;
	size_t n = strlen(path);
	snprintf(path + n, PATH_MAX - n, "/%.12s", b->id);
	return 0;
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
			: complete(b)      ? 0
					   : err_set(ERR_NOT_FOUND, b->id,
						     "No such container: %s", b->id);
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

int
box_write(const struct box *b, const char *file, const char *why, const json_t *doc)
{
	char path[PATH_MAX];
	auto_buf struct buf out = BUF_INIT;
	box_path(b, file, path);
	json_visible(doc, JSON_INDENT(2), &out);
	buf_addc(&out, '\n');
	return sys_replace(why, path, out.s, out.len, 0600);
}

const json_t *
box_value(const json_t *doc, const char *path)
{
	char key[64];
	for (;;) {
		size_t n = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		doc = json_object_get(doc, key);
		if (!path[n])
			return doc;
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

/* "SECONDS.NANOSECONDS" as nanoseconds, 0 for anything else. */
static int64_t
read_time(const char *text)
{
	long long s, ns;
	return sscanf(text, "%lld.%9lld", &s, &ns) == 2 ? (int64_t)s * 1000000000 + ns : 0;
}

static bool
has_file(const struct box *b, const char *name)
{
	char path[PATH_MAX];
	box_path(b, name, path);
	return file_exists(path);
}

void
box_state(const struct box *b, struct box_state *st)
{
	char path[PATH_MAX], line[128];
	int64_t n;
	int used;
	*st = (struct box_state){.busy = held(b), .oom = has_file(b, "oom")};
	box_path(b, "started", path);
	if (file_read_line(path, line, sizeof(line)) == 0)
		st->started = read_time(line);
	box_path(b, "exit", path);
	if (file_read_line(path, line, sizeof(line)) == 0 &&
		sscanf(line, "%d %n", &st->exit, &used) == 1) {
		st->status = BOX_EXITED;
		st->finished = read_time(line + used);
		return;
	}
	if (!st->started)
		return;
	if (!st->busy) {
		st->status = BOX_EXITED;
		st->exit = 255;
		return;
	}
	st->status = has_file(b, "paused") ? BOX_PAUSED : BOX_RUNNING;
	box_path(b, "pid", path);
	if (file_read_number(path, &n) == 0)
		st->pid = (pid_t)n;
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

static int64_t
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A lock cannot be waited for with an end; its holder mostly is the parent of a process that can. */
int
box_wait(const struct box *b, int64_t timeout)
{
	char path[PATH_MAX];
	int64_t end = now() + timeout;
	box_path(b, "lock", path);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	for (int pause = 1; fd >= 0 && flock(fd, LOCK_SH | (timeout < 0 ? 0 : LOCK_NB)) < 0;) {
		if (errno != EINTR && errno != EWOULDBLOCK)
			return err_sys("flock", path, "cannot wait for box %.12s", b->id);
		if (timeout >= 0 && now() >= end)
			return 0;
		if (timeout >= 0)
			nanosleep(&(struct timespec){.tv_nsec = pause * 1000000L}, NULL);
		pause = pause < 32 ? pause * 2 : 32;
	}
	return 1;
}

/* A number may be another process's by the time it is used: so first the descriptor is opened, and
 * then it is looked whether the box still runs. */
int
box_pid(const struct box *b, bool paused, pid_t *pid, int *pidfd)
{
	struct box_state st;
	if (pidfd)
		*pidfd = -1;
	box_state(b, &st);
	if (st.pid > 0 && pidfd) {
		*pidfd = (int)syscall(SYS_pidfd_open, st.pid, 0);
		pid_t first = st.pid;
		box_state(b, &st);
		if (*pidfd < 0 || st.pid != first)
			st.status = BOX_EXITED;
	}
	*pid = st.pid;
	if (st.pid > 0 && (st.status == BOX_RUNNING || (paused && st.status == BOX_PAUSED)))
		return 0;
	if (pidfd && *pidfd >= 0)
		close(take_fd(pidfd));
	return err_set(ERR_CONFLICT, b->id, "Container %.12s is %s", b->id,
		st.status == BOX_PAUSED ? "paused, unpause it first" : "not running");
}

/* ---- names, and the end ---- */

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
		if (!name || volume_find(name, &v) != 1 || !volume_is_anonymous(&v))
			continue;
		if (volume_remove(&v) < 0 && err.class != ERR_IN_USE)
			return -1;
		err_clear();
	}
	return 0;
}

int
box_remove(const struct box *b, bool volumes)
{
	char path[PATH_MAX];
	auto_json json_t *doc = box_read_if(b, "box.json");
	if (doc && box_drop_name(b, box_text(doc, "Name")) < 0)
		return -1;
	/* From here on it is no box any more. */
	box_path(b, "box.json", path);
	if (file_exists(path) && sys_unlink("it is no box any more", path) < 0)
		return -1;
	if (doc)
		event_box(doc, "destroy", NULL);
	if (sys_remove_tree("all that it was", b->dir) < 0)
		return -1;
	return volumes && doc ? remove_volumes(doc) : 0;
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
