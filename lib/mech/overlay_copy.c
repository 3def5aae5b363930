/* SPDX-License-Identifier: MIT
 * What stands in for an overlay where the kernel or the file system has none: a copy.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"
#include "mech/overlay_in.h"
#include "mech/overlay_merge.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* The same in shell, layer by layer from the bottom: what the next layer replaces or hides goes,
 * then it is copied, then its whiteouts and overlay's own attributes go. (The program goes from
 * the top and copies nothing that is hidden.) find(1) names directories before what is in them,
 * so no rm follows a symlink of a lower layer. */
static const char lay[] =
	"lay() (\n"
	"	cd \"$1\"\n"
	"	find . -mindepth 1 -exec sh -ec 'for p; do\n"
	"		if [ ! -d \"$p\" ] || [ -h \"$p\" ]; then rm -rf \"$0/$p\"; continue; fi\n"
	"		if [ ! -d \"$0/$p\" ] || [ -h \"$0/$p\" ]; then rm -f \"$0/$p\"; fi\n"
	"		for a in trusted user; do\n"
	"			opaque=$(getfattr -h --only-values -n $a.overlay.opaque \"$p\" 2>/dev/null) || :\n"
	"			if [ \"$opaque\" = y ]; then rm -rf \"$0/$p\"; fi\n"
	"		done\n"
	"	done' \"$2\" {} +\n"
	"	cp -a --reflink=auto . \"$2\"\n"
	"	find . -type c -exec sh -ec 'for p; do\n"
	"		if [ \"$(stat -c %t,%T \"$p\")\" != 0,0 ]; then continue; fi\n"
	"		rm -f \"$0/$p\"\n"
	"		touch -r \"${p%/*}\" \"$0/${p%/*}\"\n"
	"	done' \"$2\" {} +\n"
	"	find . -exec sh -ec 'for p; do\n"
	"		getfattr -h -m \"^(trusted|user)[.]overlay[.]\" \"$0/$p\" 2>/dev/null | grep \"^[tu]\" |\n"
	"			while read -r a; do setfattr -h -x \"$a\" \"$0/$p\"; done\n"
	"	done' \"$2\" {} +\n"
	")";

static void
tell_copy(struct step *st, char *const *layers, size_t n, const struct bulk *done, const char *dir)
{
	const uint64_t *times = done->n;
	if (step_dry())
		step_call(st, "mkdirat, openat(O_CREAT), pwrite, symlinkat, linkat, mknodat, …");
	else
		step_call(st,
			"%" PRIu64 " x mkdirat, %" PRIu64 " x openat(O_CREAT), %" PRIu64
			" x symlinkat, %" PRIu64 " x linkat, %" PRIu64 " x mknodat, %" PRIu64
			" x fchownat, fchmodat, setxattr, utimensat; %" PRIu64 " bytes",
			times[BULK_DIR], times[BULK_FILE], times[BULK_SYMLINK], times[BULK_LINK],
			times[BULK_NODE], times[BULK_TIME], done->bytes);
	step_shell(st, "%s", lay);
	for (size_t i = 0; i < n; i++)
		step_shell(st, "\nlay %s %s", tell_sh(layers[i]), tell_sh(dir));
}

/* The copying is one step, whose calls can be made to fail one by one (bulk.h). */
static int
copy_step(char *const *layers, size_t n, const char *dir, char warning[256])
{
	struct step st;
	auto_fd int to = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct copy c = {.to = to, .shown = dir, .owners = geteuid() == 0};
	bool begun = step_open(&st, "copy", "copy what the layers show together");
	if (begun) {
		int r = to < 0 ? err_sys("open", dir, "cannot open %s", dir)
			       : overlay_merge(&c, (const char *const *)layers, n);
		errno = r < 0 ? err.no : 0;
		step_result(&st, r);
	}
	if (step_told(&st))
		tell_copy(&st, layers, n, &c.done, dir);
	copy_end(&c);
	memcpy(warning, c.warning, sizeof(c.warning));
	if (step_close(&st) == 0)
		return 0;
	return begun ? -1 : err_sys("copy", dir, "cannot copy to %s", dir);
}

/* -1 with `err` set when there is something in it; a directory that is yet to be made is empty. */
static int
check_empty(const char *dir)
{
	struct dirent *e;
	auto_dir DIR *d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : err_sys("open", dir, "cannot open %s", dir);
	while (errno = 0, (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
			errno = ENOTEMPTY;
			return err_sys("copy", dir, "cannot copy to %s", dir);
		}
	return errno ? err_sys("read", dir, "cannot read %s", dir) : 0;
}

/* A copy that copies itself never ends. */
static int
check_outside(char *const *layers, size_t n, const char *dir)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(layers[i]);
		if (strncmp(dir, layers[i], len) == 0 && (dir[len] == '/' || len == 1))
			return err_set(ERR_INVALID, dir, "cannot copy to %s: it lies in layer %s",
				dir, layers[i]);
	}
	return 0;
}

static int
copy_layers(const struct overlay *o, char *const *layers, const char *dir, char warning[256])
{
	auto_buf struct buf shell = BUF_INIT;
	if (check_empty(dir) < 0 || check_outside(layers, o->n, dir) < 0 ||
		sys_mkdir_all("where the copy will be", dir, 0755) < 0 ||
		state_note("copy", dir) < 0)
		return -1;
	buf_adds(&shell, "find ");
	buf_add_sh(&shell, dir);
	buf_adds(&shell, " -mindepth 1 -delete");
	undo_push(undo_empty_dir, dir, NULL, shell.s);
	return copy_step(layers, o->n, dir, warning);
}

int
overlay_copy(const struct overlay *o, char warning[256])
{
	auto_buf struct buf dir = BUF_INIT;
	warning[0] = '\0';
	if (o->n == 0)
		return err_set(ERR_INVALID, o->dir, "cannot copy to %s: no layers given", o->dir);
	if (overlay_check_layers(o) < 0 || path_resolve(o->dir, &dir) < 0)
		return -1;
	char **layers = overlay_names(o);
	if (!layers)
		return -1;
	int r = copy_layers(o, layers, dir.s, warning);
	overlay_free_names(layers, o->n);
	return r;
}

int
overlay_remove_copy(const char *dir)
{
	auto_buf struct buf path = BUF_INIT;
	if (path_resolve(dir, &path) < 0)
		return -1;
	if (!step_dry() && !state_noted("copy", path.s)) {
		err_set(ERR_NOT_FOUND, dir, "cannot remove %s: it is no copy of ours", dir);
		return err_hint("ufs-mount --umount --copy removes what ufs-mount --copy made");
	}
	if (sys_remove_tree("the copy, and all that was written to it", path.s) < 0)
		return -1;
	return state_forget("copy", path.s);
}
