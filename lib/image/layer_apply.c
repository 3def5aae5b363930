/* SPDX-License-Identifier: MIT
 * Takes a layer's entries one after the other, in one pass over the stream.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/layer_in.h"
#include "image/lower.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Between the decompressor and the tar: counts, and shows each piece to the caller. */
struct tap {
	struct stream *stream;
	const struct layer_apply *how;
	uint64_t total;
};

static ssize_t
tap_read(void *self, const void **data)
{
	struct tap *t = self;
	ssize_t n = t->stream ? stream_read(t->stream, data) : t->how->read(t->how->self, data);
	if (n > 0 && t->how->plain && t->how->plain(t->how->plain_self, *data, (size_t)n) < 0)
		return -1;
	if (n > 0)
		t->total += (uint64_t)n;
	return n;
}

enum wh { WH_NONE, WH_LAST, WH_META, WH_PARENT };

/* What ".wh." names there are in a clean path. Those that begin with ".wh..wh." are aufs's own
 * book-keeping, which old images carry: passed over with all that is below them. */
static enum wh
find_whiteout(const char *path)
{
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		if (strncmp(p, WHITEOUT, sizeof(WHITEOUT) - 1) == 0) {
			bool last = !p[n];
			if (last && strcmp(p, WHITEOUT_OPAQUE) == 0)
				return WH_LAST;
			if (strncmp(p, WHITEOUT_META, sizeof(WHITEOUT_META) - 1) == 0)
				return WH_META;
			return last ? WH_LAST : WH_PARENT;
		}
		p += n + (p[n] == '/');
	}
	return WH_NONE;
}

static int
apply_entry(struct apply *a, struct tar_reader *tar, const struct tar_entry *e)
{
	struct target t;
	a->name = e->name;
	a->mtime = e->mtime;
	a->r->entries++;
	if (a->how->max_entries && a->r->entries > a->how->max_entries)
		return err_set(ERR_NO_SPACE, e->name,
			"cannot make %s: the layer has more than %llu entries", e->name,
			(unsigned long long)a->how->max_entries);
	if (a->stale)
		layer_forget_places(a);
	if (layer_clean(e->name, t.path) < 0)
		return -1;
	enum wh wh = a->how->literal ? WH_NONE : find_whiteout(t.path);
	if (wh == WH_META)
		return 0;
	if (wh == WH_PARENT)
		return err_set(ERR_INVALID, e->name,
			"cannot make %s: a whiteout has nothing below it", e->name);
	if (layer_parent(a, &t, true) < 0)
		return -1;
	if (wh == WH_LAST)
		return layer_whiteout(a, &t);
	if (*t.path && layer_note_made(a, &t.place, t.base) < 0)
		return -1;
	return layer_make(a, tar, e, &t);
}

/* Whether nothing is in the directory. -1 with errno set when it cannot be read. */
static int
is_empty(int dir)
{
	int n = 0;
	auto_fd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return -1;
	take_fd(&fd);
	while (n < 3 && readdir(d))
		n++;
	return n <= 2;
}

/* What both halves need to know about the directory and us. */
static int
begin(struct apply *a, const struct layer_apply *how, struct layer_result *r)
{
	struct stat sb;
	*a = (struct apply){.how = how, .r = r, .todo = r->todo, .name = how->shown};
	if (fstat(how->dir, &sb) < 0)
		return err_sys("fstat", how->shown, "cannot look at %s", how->shown);
	a->dev = sb.st_dev;
	a->uid = geteuid();
	a->gid = getegid();
	a->umask = bulk_umask();
	return 0;
}

static void
end(struct apply *a)
{
	layer_forget_places(a);
	names_free(&a->made);
	names_free(&a->touched);
}

/* The top of a new layer is like that of the layers below, unless an entry says otherwise. */
static int
note_top(struct apply *a)
{
	struct stat sb;
	if (!a->fresh || a->how->form != LAYER_OVERLAY)
		return 0;
	if (fstat(a->how->dir, &sb) < 0)
		return err_sys("fstat", a->how->shown, "cannot look at %s", a->how->shown);
	struct layer_dir d = {.ino = sb.st_ino, .implied = true, .untouched = true};
	return layer_note_dir(a, "", 0, &d);
}

static int
apply_stream(struct apply *a)
{
	struct tar_entry e;
	struct tap tap = {.how = a->how};
	if (!a->how->is_plain)
		tap.stream = stream_open(a->how->read, a->how->self);
	struct tar_reader *tar = tar_open(tap_read, &tap);
	int ok;
	while ((ok = tar_next(tar, &e)) > 0)
		if (apply_entry(a, tar, &e) < 0) {
			ok = -1;
			break;
		}
	tar_close(tar);
	stream_close(tap.stream);
	a->r->tar_bytes = tap.total;
	return ok;
}

/* What tar(1) and a few commands would do instead. Not the whole truth, and it says so. */
static int
tell_script(const struct layer_apply *how)
{
	auto_buf struct buf b = BUF_INIT;
	const char *dir = tell_sh(how->shown);
	buf_addf(&b,
		"tar -x -p --numeric-owner %s--xattrs --xattrs-include='*' "
		"--xattrs-exclude='*.overlay.*' -C %s -f -",
		how->no_owner ? "--no-same-owner " : "", dir);
	tell_step(
		"unpack the layer from standard input (tar needs -z, -J or --zstd where it is "
		"compressed; it does not know of lower layers, and its times are then touched below)",
		"openat, pwrite, fchownat, utimensat …", buf_str(&b));
	buf_reset(&b);
	if (how->form == LAYER_FLAT)
		buf_addf(&b,
			"find %s -name '.wh.*' -execdir sh -c 'rm -rf \"./${1#./.wh.}\" \"$1\"' sh {} ';'",
			dir);
	else
		buf_addf(&b,
			"find %s -name .wh..wh..opq -execdir setfattr -n %s -v y . ';' -delete\n"
			"find %s -name '.wh.*' -execdir sh -c 'mknod -m 0 \"${1#./.wh.}\" c 0 0; "
			"rm \"$1\"' sh {} ';'",
			dir, lower_opaque_name(how->user_xattr), dir);
	tell_step(how->form == LAYER_FLAT
			? "remove what its whiteouts name"
			: "put overlay's whiteouts and marks in place of the tar's",
		"mknodat, setxattr, unlinkat", buf_str(&b));
	return 0;
}

int
layer_apply(const struct layer_apply *how, struct layer_result *r)
{
	struct apply a;
	if (step_dry())
		return tell_script(how);
	if (!r->todo && !(r->todo = calloc(1, sizeof(*r->todo))))
		abort();
	if (begin(&a, how, r) < 0)
		return -1;
	int fresh = is_empty(how->dir);
	if (fresh < 0)
		return err_sys("openat", how->shown, "cannot read directory %s", how->shown);
	a.fresh = fresh;
	int ok = note_top(&a);
	if (ok == 0)
		ok = apply_stream(&a);
	if (ok == 0 && !how->later)
		ok = layer_finish(&a, how->n_lower);
	end(&a);
	if (ok < 0 || !how->later)
		layer_result_free(r);
	return ok;
}

int
layer_complete(const struct layer_apply *how, struct layer_result *r)
{
	struct apply a;
	if (step_dry() || !r->todo)
		return 0;
	if (begin(&a, how, r) < 0)
		return -1;
	a.fresh = true; /* only links and whiteouts follow, which ask what is there */
	int ok = layer_finish(&a, true);
	end(&a);
	layer_result_free(r);
	return ok;
}
