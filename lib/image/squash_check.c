/* SPDX-License-Identifier: MIT
 * Squashing: whether the merged layers are what the image says. The new layer has a hash of its
 * own, so a damaged one would never be noticed again.
 */
#include "base/err.h"
#include "image/sha256.h"
#include "image/squash_in.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct squash_check {
	const struct squash_archive *a;
	pthread_t thread;
	int result;
	struct err err; /* the thread's */
};

int
squash_check_sum(const struct squash_archive *a, size_t i, const char *digest)
{
	const char *said = a->img.layers[i - 1].diff_id;
	if (strcmp(digest, said) == 0)
		return 0;
	return err_set(
		ERR_INVALID, a->shown, "layer %zu is damaged: it is %s, not %s", i, digest, said);
}

static int
check_layer(const struct squash_archive *a, size_t i)
{
	const struct squash_member *m = &a->member[a->layer[i - 1].member];
	struct window w = {.fd = a->fd, .shown = a->shown, .at = m->at, .end = m->at + m->size};
	struct sha256 *sum = sha256_new();
	char digest[DIGEST_SIZE];
	const void *data;
	ssize_t n;
	while ((n = window_read(&w, &data)) > 0)
		sha256_add(sum, data, (size_t)n);
	sha256_take(sum, digest);
	sha256_free(sum);
	window_free(&w);
	return n < 0 ? -1 : squash_check_sum(a, i, digest);
}

static void *
check_all(void *arg)
{
	struct squash_check *c = arg;
	for (size_t i = c->a->keep + 1; i <= c->a->img.n && c->result == 0; i++)
		if (!c->a->layer[i - 1].packed)
			c->result = check_layer(c->a, i);
	c->err = err;
	return NULL;
}

struct squash_check *
squash_check_begin(const struct squash_archive *a)
{
	struct squash_check *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->a = a;
	errno = pthread_create(&c->thread, NULL, check_all, c);
	if (errno == 0)
		return c;
	err_sys("pthread_create", a->shown, "cannot start a thread");
	free(c);
	return NULL;
}

int
squash_check_end(struct squash_check *c)
{
	pthread_join(c->thread, NULL);
	int r = c->result;
	if (r < 0)
		err = c->err;
	free(c);
	return r;
}
