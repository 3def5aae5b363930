/* SPDX-License-Identifier: MIT
 * The door: mounting an overlay, in the two ways kernels know, and the one command for both.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* mount(2) copies one page of options, of 4096 bytes at the least, its NUL included. */
#define PAGE 4096
/* What fsconfig(2) takes as a string, and with it a mount(8) built on it (util-linux 2.39). */
#define FSCONFIG_MAX 255

/* ---- the options as one string ---- */

/* Whether a name can stand between the commas, colons and quotes of an option string as it is. */
static bool
plain(const char *path)
{
	for (; *path; path++)
		if ((unsigned char)*path < ' ' || strchr(",:\\\"", *path))
			return false;
	return true;
}

static bool
all_plain(const struct sys_overlay *o)
{
	for (size_t i = 0; i < o->n_lower; i++)
		if (!plain(o->lower[i]))
			return false;
	return !o->upper || (plain(o->upper) && plain(o->work));
}

/* "lowerdir=TOP:…:BOTTOM,upperdir=…,workdir=…,…": the kernel wants the topmost first. */
static void
add_options(struct buf *b, const struct sys_overlay *o)
{
	for (size_t i = o->n_lower; i-- > 0;)
		buf_addf(b, "%s%s", i + 1 == o->n_lower ? "lowerdir=" : ":", o->lower[i]);
	if (o->upper)
		buf_addf(b, ",upperdir=%s,workdir=%s", o->upper, o->work);
	buf_addf(b, ",%s", o->options);
}

/* The same with short names that need no escapes: numbers from `first` on, bottom layer first, then
 * the upper directory and its work directory. */
static void
add_short_options(struct buf *b, const struct sys_overlay *o, const int *number)
{
	size_t n = o->n_lower;
	for (size_t i = n; i-- > 0;)
		buf_addf(b, "%s%d", i + 1 == n ? "lowerdir=" : ":", number[i]);
	if (o->upper)
		buf_addf(b, ",upperdir=%d,workdir=%d", number[n], number[n + 1]);
	buf_addf(b, ",%s", o->options);
}

static size_t
count(const struct sys_overlay *o)
{
	return o->n_lower + (o->upper ? 2 : 0);
}

/* The path of number i in that order. */
static const char *
nth(const struct sys_overlay *o, size_t i)
{
	return i < o->n_lower ? o->lower[i] : i == o->n_lower ? o->upper : o->work;
}

static int *
numbers_from(const struct sys_overlay *o, int first)
{
	int *number = calloc(count(o) + 1, sizeof(*number));
	if (!number)
		abort();
	for (size_t i = 0; i < count(o); i++)
		number[i] = first + (int)i;
	return number;
}

/* ---- the command ---- */

/* mount(8) has one page as well. Where the names do not fit, or need escapes, they are replaced by
 * symbolic links with short ones. */
static void
add_short_command(struct buf *b, const struct sys_overlay *o)
{
	auto_buf struct buf options = BUF_INIT;
	int *number = numbers_from(o, 0);
	add_short_options(&options, o, number);
	free(number);
	buf_adds(b, "short=$(mktemp -d)\n");
	for (size_t i = 0; i < count(o); i++)
		buf_addf(b, "ln -s %s \"$short/%zu\"\n", tell_sh(nth(o, i)), i);
	buf_addf(b,
		"(cd \"$short\" && LIBMOUNT_FORCE_MOUNT2=always mount -n -i -t overlay -o %s%s " MARK
		" %s)\n",
		o->upper ? "" : "ro,", tell_sh(options.s), tell_sh(o->target));
	buf_adds(b, "rm -r \"$short\"");
}

static void
tell_command(struct step *st, const struct sys_overlay *o)
{
	auto_buf struct buf options = BUF_INIT;
	add_options(&options, o);
	if (!all_plain(o) || options.len >= PAGE) {
		add_short_command(&st->shell, o);
		return;
	}
	/* Newer versions of mount(8) have to be told to take the call that has room for it. */
	step_shell(st, "%smount -n -i -t overlay -o %s%s " MARK " %s",
		strcspn(options.s, ",") > FSCONFIG_MAX ? "LIBMOUNT_FORCE_MOUNT2=always " : "",
		o->upper ? "" : "ro,", tell_sh(options.s), tell_sh(o->target));
}

static void
push_umount(const struct sys_overlay *o)
{
	auto_buf struct buf shell = BUF_INIT;
	if (o->elsewhere)
		return;
	buf_addf(&shell, "umount -l %s", tell_sh(o->target));
	undo_push(undo_umount, o->target, NULL, buf_str(&shell));
}

/* ---- fsopen(2) ---- */

static int
config(struct step *st, int fd, unsigned cmd, const char *key, const char *value)
{
	if (step_next(st, "fsconfig"))
		step_result(st, fsconfig(fd, cmd, key, value, 0));
	return st->ret < 0 ? -1 : 0;
}

static int
config_told(struct step *st, int fd, unsigned cmd, const char *key, const char *value)
{
	if (step_told(st) && cmd == FSCONFIG_CMD_CREATE)
		step_call(st, ", fsconfig(FSCONFIG_CMD_CREATE)");
	else if (step_told(st))
		step_call(st, ", fsconfig(%s, %s)", tell_c(key), tell_c(value));
	return config(st, fd, cmd, key, value);
}

/* lowerdir+ goes down from the topmost. Of many layers -x shows the first and the last: all of
 * them stand in the command. */
static int
config_layers(struct step *st, int fd, const struct sys_overlay *o)
{
	for (size_t i = o->n_lower; i-- > 0;) {
		const char *layer = o->lower[i];
		bool shown = o->n_lower <= 8 || i == 0 || i + 1 == o->n_lower;
		if (!shown && i == 1 && step_told(st))
			step_call(st, ", …");
		if ((shown ? config_told : config)(
			    st, fd, FSCONFIG_SET_STRING, "lowerdir+", layer) < 0)
			return -1;
	}
	return 0;
}

/* upperdir and workdir are taken as from between the commas of the old option string: a backslash
 * escapes. lowerdir+ takes its name as it is. */
static int
config_escaped(struct step *st, int fd, const char *key, const char *path)
{
	auto_buf struct buf b = BUF_INIT;
	for (; *path; path++) {
		if (*path == '\\')
			buf_addc(&b, '\\');
		buf_addc(&b, *path);
	}
	return config_told(st, fd, FSCONFIG_SET_STRING, key, buf_str(&b));
}

/* "index=off,xino=off,userxattr", one call each. */
static int
config_rest(struct step *st, int fd, const char *options)
{
	auto_free char *copy = str_new(options);
	char *save = NULL;
	for (char *key = strtok_r(copy, ",", &save); key; key = strtok_r(NULL, ",", &save)) {
		char *value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		if (config_told(st, fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key,
			    value) < 0)
			return -1;
	}
	return 0;
}

static int
config_all(struct step *st, int fd, const struct sys_overlay *o)
{
	if (config_layers(st, fd, o) < 0)
		return -1;
	if (o->upper &&
		(config_escaped(st, fd, "upperdir", o->upper) < 0 ||
			config_escaped(st, fd, "workdir", o->work) < 0))
		return -1;
	if (config_rest(st, fd, o->options) < 0 ||
		config_told(st, fd, FSCONFIG_SET_STRING, "source", MARK) < 0)
		return -1;
	return config_told(st, fd, FSCONFIG_CMD_CREATE, NULL, NULL);
}

/* What the kernel did not like about the options is read from fsopen's descriptor: a line a read,
 * "e overlay: …" for an error. The last one counts. */
static void
read_log(int fd, struct buf *log)
{
	char line[512];
	ssize_t n;
	while (fd >= 0 && (n = read(fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (n > 2 && line[0] == 'e') {
			buf_reset(log);
			buf_adds(log, line + 2);
		}
	}
}

/* First a mount that hangs nowhere, then its place. */
static int
attach(struct step *st, int fd, const struct sys_overlay *o)
{
	auto_fd int mnt = -1;
	if (step_told(st))
		step_call(st, ", fsmount(%s), move_mount(%s)", o->upper ? "0" : "MOUNT_ATTR_RDONLY",
			tell_c(o->target));
	if (step_next(st, "fsmount")) {
		mnt = fsmount(fd, FSMOUNT_CLOEXEC, o->upper ? 0 : MOUNT_ATTR_RDONLY);
		step_result(st, mnt);
	}
	if (st->ret >= 0 && step_next(st, "move_mount"))
		step_result(st, move_mount(mnt, "", AT_FDCWD, o->target, MOVE_MOUNT_F_EMPTY_PATH));
	return st->ret < 0 ? -1 : 0;
}

static int
overlay_failed(const char *call, const struct sys_overlay *o)
{
	return err_sys(call, o->target, "cannot mount overlay on %s", o->target);
}

int
sys_overlay_fsopen(const char *why, const struct sys_overlay *o)
{
	struct step st;
	auto_fd int fd = -1;
	auto_buf struct buf log = BUF_INIT;
	if (step_open(&st, "fsopen", why)) {
		fd = fsopen("overlay", FSOPEN_CLOEXEC);
		step_result(&st, fd);
	}
	if (step_told(&st))
		step_call(&st, "fsopen(\"overlay\")");
	bool made = st.ret >= 0 && config_all(&st, fd, o) == 0 && attach(&st, fd, o) == 0;
	if (!made)
		read_log(fd, &log);
	else if (step_told(&st))
		tell_command(&st, o); /* where it fails, the older way's step has the command */
	const char *call = st.name;
	if (step_close(&st) < 0) {
		overlay_failed(call, o);
		return log.len ? err_hint("the kernel says: %s", log.s) : -1;
	}
	push_umount(o);
	return 0;
}

/* ---- mount(2) ---- */

static long
mount_overlay(const struct sys_overlay *o, const char *options)
{
	return mount(MARK, o->target, "overlay", o->upper ? 0 : MS_RDONLY, options);
}

static void
tell_mount(struct step *st, const struct sys_overlay *o, const char *options)
{
	step_call(st, "mount(\"" MARK "\", %s, \"overlay\", %s, %s)", tell_c(o->target),
		o->upper ? "0" : "MS_RDONLY", tell_c(options));
}

static int
close_mount(struct step *st, const struct sys_overlay *o)
{
	const char *call = st->name;
	if (step_close(st) < 0)
		return overlay_failed(call, o);
	push_umount(o);
	return 0;
}

/* Opens each directory; the descriptor's number becomes its name. */
static int
open_all(const struct sys_overlay *o, int *number)
{
	for (size_t i = 0; i < count(o); i++)
		number[i] = -1;
	for (size_t i = 0; i < count(o); i++) {
		number[i] = open(nth(o, i), O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (number[i] < 0)
			return err_sys("open", nth(o, i), "cannot open %s", nth(o, i));
	}
	return 0;
}

static void
close_all(const struct sys_overlay *o, const int *number)
{
	for (size_t i = 0; i < count(o); i++)
		if (number[i] >= 0)
			close(number[i]);
}

/* In /proc/self/fd each descriptor is a link to its directory: the shortest names there are. */
static int
mount_by_number(const char *why, const struct sys_overlay *o, const int *number)
{
	struct step st;
	auto_buf struct buf options = BUF_INIT;
	auto_fd int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	add_short_options(&options, o, number);
	if (step_open(&st, "chdir", why))
		step_result(&st, back < 0 ? -1 : chdir("/proc/self/fd"));
	if (st.ret >= 0 && step_next(&st, "mount"))
		step_result(&st, mount_overlay(o, options.s));
	if (step_told(&st)) {
		step_call(&st, "chdir(\"/proc/self/fd\"), ");
		tell_mount(&st, o, options.s);
		step_call(&st, ", fchdir(back)");
		tell_command(&st, o);
	}
	if (back >= 0 && fchdir(back) < 0 && st.ret >= 0) {
		step_result(&st, -1);
		umount2(o->target, MNT_DETACH);
	}
	return close_mount(&st, o);
}

static int
mount_by_name(const char *why, const struct sys_overlay *o, const char *options)
{
	struct step st;
	if (step_open(&st, "mount", why))
		step_result(&st, mount_overlay(o, options));
	if (step_told(&st)) {
		tell_mount(&st, o, options);
		tell_command(&st, o);
	}
	return close_mount(&st, o);
}

int
sys_overlay_mount(const char *why, const struct sys_overlay *o)
{
	auto_buf struct buf options = BUF_INIT;
	add_options(&options, o);
	if (all_plain(o) && options.len < PAGE)
		return mount_by_name(why, o, options.s);
	/* A dry run has nothing to open, and can only suppose the numbers. */
	int *number = numbers_from(o, 3);
	int r = step_dry() ? 0 : open_all(o, number);
	if (r == 0)
		r = mount_by_number(why, o, number);
	int no = errno;
	if (!step_dry())
		close_all(o, number);
	free(number);
	errno = no;
	return r;
}
