/* SPDX-License-Identifier: MIT
 * One side writes a tar, the other unpacks it. Neither follows a symlink inside the trees, so a box
 * that renames and replaces things meanwhile can spoil the copy, but not lead it elsewhere: should
 * the same name come as a symlink and then as a directory with files in it, these are refused. A
 * tar from standard input is the caller's own, and its symlinks are followed below the destination
 * as tar(1) does.
 */
#include "base/auto.h"
#include "base/err.h"
#include "cp.h"
#include "door/bulk.h"
#include "door/channel.h"
#include "door/step.h"
#include "door/sys_userns.h"
#include "door/tell.h"
#include "door/tool.h"
#include "image/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct writer {
	struct layer_diff how;
	struct stream_fd out;
	struct layer_result result;
	struct err why; /* of a failure */
	int status;
};

/* Docker's rules: into a directory that is there, under its own name; else as what is named. */
static int
choose(const struct pass *p, int *dir, const char **as)
{
	const struct place *from = &p->from, *to = &p->to;
	bool tree = S_ISDIR(from->sb.st_mode);
	*as = *from->last ? from->last : NULL;
	if (to->exists && S_ISDIR(to->sb.st_mode)) {
		struct stat sb;
		*dir = *to->name
			? openat(to->dir, to->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			: fcntl(to->dir, F_DUPFD_CLOEXEC, 3);
		if (*dir < 0)
			return err_sys("openat", to->path, "cannot open %s", to->path);
		if (*as && fstatat(*dir, *as, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISDIR(sb.st_mode) != tree)
			return err_set(ERR_INVALID, to->path,
				tree ? "cannot overwrite non-directory %s/%s with a directory"
				     : "cannot overwrite directory %s/%s with a file",
				to->path, *as);
		return 0;
	}
	if (to->exists && tree)
		return err_set(
			ERR_INVALID, to->path, "cannot copy directory %s to a file", from->path);
	if (to->exists && to->slash)
		return err_set(ERR_INVALID, to->path, "%s is no directory", to->path);
	if (!to->exists && to->slash && !tree)
		return err_set(ERR_NOT_FOUND, to->path, "there is no directory %s", to->path);
	*dir = fcntl(to->dir, F_DUPFD_CLOEXEC, 3);
	*as = to->name;
	return *dir < 0 ? err_sys("fcntl", to->path, "cannot open %s", to->path) : 0;
}

static void
prepare(struct writer *w, const struct pass *p, const char *as)
{
	const struct place *from = &p->from;
	w->how = (struct layer_diff){.dir = from->dir,
		.shown = from->path,
		.from = -1,
		.whole = true,
		.only = *from->name ? from->name : NULL,
		.as = as,
		.mounts = p->mounts,
		.n_mounts = p->n_mounts,
		.write = stream_fd_write,
		.self = &w->out};
}

static void *
write_tar(void *arg)
{
	struct writer *w = arg;
	err_clear();
	w->status = layer_diff(&w->how, &w->result);
	w->why = err;
	close(w->out.fd);
	return NULL;
}

static void
warn(const struct layer_result *r)
{
	if (r->skipped)
		tool_warn("left out: %s", r->warning);
}

static int
unpack(const struct pass *p, int dir, int fd, bool ours)
{
	struct stream_fd in = {.fd = fd, .shown = ours ? p->from.path : "standard input"};
	struct layer_result r = {0};
	const struct layer_apply how = {.dir = dir,
		.shown = p->to.path,
		.form = LAYER_FLAT,
		.no_owner = ours && !p->keep_owners,
		.literal = true,
		.no_links = ours,
		.keep_kinds = ours || p->keep_kinds,
		.is_plain = ours,
		.read = stream_fd_read,
		.self = &in};
	int ok = layer_apply(&how, &r);
	stream_fd_free(&in);
	warn(&r);
	return ok;
}

/* A directory whose content is copied to a name that is not there yet. */
static int
make_top(const struct pass *p, int *dir)
{
	struct bulk done = {0};
	if (bulk_mkdir(&done, *dir, p->to.name, 0755) < 0)
		return err_sys("mkdirat", p->to.path, "cannot make directory %s", p->to.path);
	int fd = openat(*dir, p->to.name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys("openat", p->to.path, "cannot open %s", p->to.path);
	close(*dir);
	*dir = fd;
	return 0;
}

/* Both sides of a copy, and the pipe between them. */
struct both {
	const struct pass *p;
	struct writer w;
	int dir; /* where it is unpacked */
	bool content; /* of a directory, to a name of its own */
	int ends[2];
};

static int
unpack_end(struct both *b)
{
	if (b->content && !b->p->to.exists && make_top(b->p, &b->dir) < 0)
		return -1;
	return unpack(b->p, b->dir, b->ends[0], true);
}

static int
thread_and_we(struct both *b)
{
	pthread_t thread;
	errno = pthread_create(&thread, NULL, write_tar, &b->w);
	if (errno) {
		close(take_fd(&b->ends[0]));
		close(take_fd(&b->ends[1]));
		return err_sys("pthread_create", NULL, "cannot start a thread");
	}
	int ok = unpack_end(b);
	struct err why = err;
	close(take_fd(&b->ends[0]));
	pthread_join(thread, NULL);
	warn(&b->w.result);
	/* Of two failures the one that came first: a pipe that is closed is the other's doing. */
	if (b->w.status < 0 && b->w.why.no != EPIPE)
		why = b->w.why;
	err = why;
	return ok < 0 || b->w.status < 0 ? -1 : 0;
}

static int
write_in_box(void *arg)
{
	struct both *b = arg;
	close(take_fd(&b->ends[0]));
	write_tar(&b->w);
	warn(&b->w.result);
	err = b->w.why;
	return b->w.status;
}

static int
unpack_in_box(void *arg)
{
	struct both *b = arg;
	/* It would wait for itself. */
	close(take_fd(&b->ends[1]));
	return unpack_end(b);
}

static const char as_box[] = "as root of the box, and with its ids";

static int
box_writes(struct both *b)
{
	struct sys_call c;
	if (sys_userns_start(as_box, b->p->user, b->p->from.box, write_in_box, b, &c) < 0)
		return -1;
	close(take_fd(&b->ends[1]));
	int ok = unpack_end(b);
	struct err why = err;
	close(take_fd(&b->ends[0]));
	int end = sys_userns_wait(&c);
	if (ok < 0 && (end == 0 || err.no == EPIPE))
		err = why;
	return ok < 0 || end < 0 ? -1 : 0;
}

static int
box_unpacks(struct both *b)
{
	struct sys_call c;
	if (sys_userns_start(as_box, b->p->user, b->p->to.box, unpack_in_box, b, &c) < 0)
		return -1;
	close(take_fd(&b->ends[0]));
	write_tar(&b->w);
	warn(&b->w.result);
	int end = sys_userns_wait(&c);
	if (b->w.status < 0 && (end == 0 || b->w.why.no != EPIPE))
		err = b->w.why;
	return b->w.status < 0 || end < 0 ? -1 : 0;
}

static int
both(struct pass *p)
{
	struct both b = {.p = p, .dir = -1, .ends = {-1, -1}, .content = !*p->from.name};
	const char *as;
	if (choose(p, &b.dir, &as) < 0)
		return -1;
	if (pipe_pair(b.ends) < 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	prepare(&b.w, p, b.content ? NULL : as);
	b.w.out = (struct stream_fd){.fd = b.ends[1], .shown = "the pipe"};
	int r = p->user < 0 ? thread_and_we(&b) : p->from.box ? box_writes(&b) : box_unpacks(&b);
	close(b.dir);
	return r;
}

static int
write_stdout(void *arg)
{
	const struct pass *p = arg;
	struct writer w = {.out = {.fd = STDOUT_FILENO, .shown = "standard output"}};
	prepare(&w, p, *p->from.last ? p->from.last : NULL);
	int ok = layer_diff(&w.how, &w.result);
	warn(&w.result);
	return ok;
}

static int
read_stdin(void *arg)
{
	const struct both *b = arg;
	return unpack(b->p, b->dir, STDIN_FILENO, false);
}

static int
from_stdin(const struct pass *p)
{
	const struct place *to = &p->to;
	struct both b = {.p = p, .dir = -1};
	if (place_need(to) < 0)
		return -1;
	if (!S_ISDIR(to->sb.st_mode))
		return err_set(
			ERR_INVALID, to->path, "cannot unpack to %s: it is no directory", to->path);
	b.dir = *to->name ? openat(to->dir, to->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			  : fcntl(to->dir, F_DUPFD_CLOEXEC, 3);
	if (b.dir < 0)
		return err_sys("openat", to->path, "cannot open %s", to->path);
	int r = sys_userns_call(as_box, p->user, to->box, read_stdin, &b);
	close(b.dir);
	return r;
}

int
pass_run(struct pass *p)
{
	if (strcmp(p->from.path, "-") == 0)
		return from_stdin(p);
	if (place_need(&p->from) < 0)
		return -1;
	if (strcmp(p->to.path, "-") == 0)
		return sys_userns_call(as_box, p->user, p->from.box, write_stdout, p);
	return both(p);
}
