/* SPDX-License-Identifier: MIT */
#include "door/state.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/undo.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* base + tail as an absolute path. */
static int
set_path(char path[PATH_MAX], const char *what, const char *base, const char *tail)
{
	int n = snprintf(path, PATH_MAX, "%s%s", base, tail);
	if (base[0] != '/')
		return err_set(ERR_INVALID, base, "%s '%s' is not an absolute path", what, base);
	if (n >= PATH_MAX)
		return err_set(ERR_INVALID, base, "%s is longer than %d bytes", what, PATH_MAX);
	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	return 0;
}

int
state_root(char path[PATH_MAX])
{
	const char *set = getenv("TACKLEBOX_ROOT"), *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");
	if (set)
		return set_path(path, "TACKLEBOX_ROOT", set, "");
	if (geteuid() == 0)
		return set_path(path, "", "/var/lib", "/tacklebox");
	if (data && *data)
		return set_path(path, "XDG_DATA_HOME", data, "/tacklebox");
	if (home && *home)
		return set_path(path, "HOME", home, "/.local/share/tacklebox");
	err_set(ERR_NOT_FOUND, "HOME", "cannot tell where to keep images");
	return err_hint("set HOME, or TACKLEBOX_ROOT to a directory of yours");
}

/* In /tmp whoever comes first makes what he likes under any name. Once it is a user's own, nobody
 * else can take it away: /tmp is sticky (inode(7)). */
static int
check_own(const char *path)
{
	struct stat sb;
	if (lstat(path, &sb) < 0)
		return errno == ENOENT ? 0 : err_sys("lstat", path, "cannot look at %s", path);
	if (!S_ISDIR(sb.st_mode))
		err_set(ERR_DENIED, path, "cannot use %s: it is no directory", path);
	else if (sb.st_uid != geteuid())
		err_set(ERR_DENIED, path, "cannot use %s: it belongs to uid %u, not to you", path,
			sb.st_uid);
	else if (sb.st_mode & (S_IWGRP | S_IWOTH))
		err_set(ERR_DENIED, path, "cannot use %s: others may write to it", path);
	else
		return 0;
	return err_hint("set XDG_RUNTIME_DIR, or TACKLEBOX_RUN, to a directory of yours that "
			"nobody else may write to");
}

int
state_run(char path[PATH_MAX])
{
	const char *set = getenv("TACKLEBOX_RUN"), *runtime = getenv("XDG_RUNTIME_DIR");
	char tail[64];
	if (set)
		return set_path(path, "TACKLEBOX_RUN", set, "");
	if (geteuid() == 0)
		return set_path(path, "", "/run", "/tacklebox");
	if (runtime && *runtime)
		return set_path(path, "XDG_RUNTIME_DIR", runtime, "/tacklebox");
	snprintf(tail, sizeof(tail), "/tacklebox-%u", geteuid());
	return set_path(path, "", "/tmp", tail) < 0 ? -1 : check_own(path);
}

int
state_keep_run(const char *why, mode_t mode, char path[PATH_MAX])
{
	/* Again, for somebody else may have made it since. */
	return state_run(path) < 0 || sys_keep_dir(why, path, mode) < 0 ? -1 : state_run(path);
}

/* path is the directory; what is below it is added. */
static int __attribute__((format(printf, 2, 0)))
add_below(char path[PATH_MAX], const char *format, va_list args)
{
	size_t at = strlen(path);
	path[at] = '/';
	int n = vsnprintf(path + at + 1, PATH_MAX - at - 1, format, args);
	if (n >= 0 && (size_t)n < PATH_MAX - at - 1)
		return 0;
	path[at] = '\0';
	return err_set(ERR_INVALID, path, "%s: no room for a path below it", path);
}

int
state_root_path(char path[PATH_MAX], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int r = state_root(path) < 0 ? -1 : add_below(path, format, args);
	va_end(args);
	return r;
}

int
state_run_path(char path[PATH_MAX], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int r = state_run(path) < 0 ? -1 : add_below(path, format, args);
	va_end(args);
	return r;
}

/* made/<kind>-<16 hex digits of the object's name>: one note an object, however long its name
 * (FNV-1a). */
static int
note_path(const char *kind, const char *object, char path[PATH_MAX])
{
	uint64_t h = 14695981039346656037u;
	for (const char *p = object; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	return state_run_path(path, "made/%s-%016llx", kind, (unsigned long long)h);
}

int
state_note(const char *kind, const char *object)
{
	char path[PATH_MAX], dir[PATH_MAX];
	auto_buf struct buf text = BUF_INIT, shell = BUF_INIT;
	if (note_path(kind, object, path) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	if (sys_mkdir_all("a place for notes on what carries no mark", dir, 0700) < 0 ||
		state_run(dir) < 0)
		return -1;
	buf_addf(&text, "%s %s\n", kind, object);
	if (sys_replace("note what is about to be made, so that tb-ledger finds it", path, text.s,
		    text.len, 0600) < 0)
		return -1;
	buf_adds(&shell, "rm ");
	buf_add_sh(&shell, path);
	undo_push(undo_unlink, path, NULL, buf_str(&shell));
	return 0;
}

bool
state_noted(const char *kind, const char *object)
{
	char path[PATH_MAX];
	struct err before = err;
	bool noted = note_path(kind, object, path) == 0 && file_exists(path);
	err = before;
	return noted;
}

/* What is left of a note that a crash kept from getting its name is one as well: of kind "", with
 * the object "". */
static int
read_note(const char *path, state_note_fn *fn, void *self)
{
	auto_buf struct buf text = BUF_INIT;
	if (file_read(path, PATH_MAX + 64, &text) < 0)
		return err.no == ENOENT ? 0 : -1;
	char *blank = strchr(text.s, ' ');
	if (!blank || text.s[text.len - 1] != '\n' || strstr(path_base(path), ".tmp."))
		return fn(self, "", "", path);
	*blank = '\0';
	text.s[text.len - 1] = '\0';
	return fn(self, text.s, blank + 1, path);
}

int
state_each_note(state_note_fn *fn, void *self)
{
	struct dirent *e;
	char run[PATH_MAX], dir[PATH_MAX + 8];
	if (state_run(run) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s/made", run);
	auto_dir DIR *d = opendir(dir);
	if (!d)
		return errno == ENOENT || errno == EACCES
			? 0
			: err_sys("open", dir, "cannot open %s", dir);
	while ((e = readdir(d))) {
		auto_buf struct buf path = BUF_INIT;
		path_join(&path, dir, e->d_name);
		int r = e->d_name[0] == '.' ? 0 : read_note(path.s, fn, self);
		if (r)
			return r;
	}
	return 0;
}

int
state_forget(const char *kind, const char *object)
{
	char path[PATH_MAX];
	if (note_path(kind, object, path) < 0)
		return -1;
	if (!step_dry() && !file_exists(path))
		return 0;
	return sys_unlink("forget the note on it", path);
}
