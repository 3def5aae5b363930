/* SPDX-License-Identifier: MIT
 * COPY --link: a layer that does not look at what is below it, as if it were copied to an empty
 * image and that put upon this one (Dockerfile reference, "COPY --link"). So it is the same layer
 * upon any other, and when the image below changes it need not be made again: only unpacked, for
 * overlay refuses the same directory in two places of the store's chains.
 */
#include "copying.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/bulk.h"
#include "image/arrive.h"
#include "image/image.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The newest of what was copied: that says nothing of now, and nothing of the image. */
static struct timespec
newest(const struct items *l)
{
	struct timespec t = {0};
	for (size_t i = 0; i < l->n; i++) {
		const struct item *it = &l->v[i];
		if (it->sec > t.tv_sec || (it->sec == t.tv_sec && it->nsec > t.tv_nsec))
			t = (struct timespec){.tv_sec = (time_t)it->sec, .tv_nsec = it->nsec};
	}
	return t;
}

/* Whether the directory itself was copied, and has its time from there. */
static bool
has_own_time(const struct copying *c, const char *path)
{
	bool top = false;
	for (size_t i = 0; i < c->items.n; i++)
		top |= c->items.v[i].top;
	return top && strcmp(path, c->dest) == 0;
}

int
link_times(const struct copying *c, const struct tree *t)
{
	const struct timespec when = newest(&c->items);
	auto_free char *path = str_new(c->dest);
	struct bulk done = {0};
	for (; path[0] && path[1]; *strrchr(path, '/') = '\0') {
		auto_fd int fd = open_no_links(t->fd, path + 1, O_RDONLY | O_DIRECTORY, 0);
		if (fd >= 0 && !has_own_time(c, path) && bulk_times(&done, fd, "", &when) < 0)
			return err_sys("utimensat", path, "cannot set the time of %s", path);
	}
	return 0;
}

/* Only the top of the tree has no entry in the tar: that of the layer below says what it is. */
static int
open_below(struct build *b, const struct state *st, int *fd)
{
	char path[PATH_MAX];
	if (!st->n)
		return 0;
	if (store_layer_path(b->store, st->layers[st->n - 1].chain, path) < 0)
		return -1;
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? err_sys("open", path, "cannot open layer %s", path) : 0;
}

/* What was unpacked gets its name, if it is what that name says. */
static int
publish(struct build *b, struct arrival *a, const struct build_layer *l)
{
	if (strcmp(a->in.diff_id, l->diff_id) != 0)
		return 0;
	return store_settle(b->store) < 0 || arrive_tree(b->store, a, l->chain) < 0 ? -1 : 1;
}

int
link_place(struct build *b, const struct state *st, struct build_layer *l)
{
	char path[PATH_MAX];
	struct arrival a = ARRIVAL_INIT;
	auto_fd int below = -1;
	chain_id(st->n ? st->layers[st->n - 1].chain : NULL, l->diff_id, l->chain);
	if (store_has_layer(b->store, l->chain))
		return 1;
	if (open_below(b, st, &below) < 0 || store_blob_path(b->store, l->blob, path) < 0)
		return -1;
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys("open", path, "cannot open %s", path);
	struct stream_fd from = {.fd = fd, .shown = path};
	a.in.read = stream_fd_read;
	a.in.self = &from;
	a.in.apply.lower = &below;
	a.in.apply.n_lower = below >= 0;
	int r = arrive(b->store, &a, false, "a layer of COPY --link");
	if (r == 0)
		r = publish(b, &a, l);
	struct err why = err;
	bool failed = r < 0;
	if (r <= 0 && arrive_drop(&a) < 0)
		r = -1;
	if (failed)
		err = why;
	layer_result_free(&a.in.result);
	stream_fd_free(&from);
	return r;
}
