/* SPDX-License-Identifier: MIT */
#include "image/xattrs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

bool
xattr_is_overlays(const char *name)
{
	return strncmp(name, "trusted.overlay.", 16) == 0 ||
		strncmp(name, "user.overlay.", 13) == 0;
}

static bool
is_ours(const char *name)
{
	return !xattr_is_overlays(name) && strcmp(name, "security.selinux") != 0 &&
		strcmp(name, "security.ima") != 0 && strcmp(name, "security.evm") != 0;
}

/* A file is named by a descriptor, or by a path through one. */
struct object {
	int fd;
	char path[300]; /* "" for the descriptor itself */
};

static ssize_t
list(const struct object *o, char *to, size_t n)
{
	return *o->path ? llistxattr(o->path, to, n) : flistxattr(o->fd, to, n);
}

static ssize_t
get(const struct object *o, const char *name, void *to, size_t n)
{
	return *o->path ? lgetxattr(o->path, name, to, n) : fgetxattr(o->fd, name, to, n);
}

static void
reserve_text(struct xattrs *x, size_t n)
{
	if (n <= x->text_cap)
		return;
	x->text_cap = n * 2;
	x->text = realloc(x->text, x->text_cap);
	if (!x->text)
		abort();
}

static void
add(struct xattrs *x, size_t name, size_t value, size_t len)
{
	if (x->n == x->cap) {
		x->cap = x->cap ? x->cap * 2 : 8;
		x->v = reallocarray(x->v, x->cap, sizeof(*x->v));
		if (!x->v)
			abort();
	}
	/* Offsets for now: the text may move while it grows. */
	x->v[x->n++] = (struct tar_xattr){(char *)name, (char *)value, len};
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct tar_xattr *)a)->name, ((const struct tar_xattr *)b)->name);
}

/* Reads the value of one, behind all that is in the text. Returns the new length, or -1. */
static ssize_t
read_value(struct xattrs *x, const struct object *o, size_t name, size_t used)
{
	for (;;) {
		ssize_t n = get(o, x->text + name, NULL, 0);
		if (n < 0)
			return errno == ENODATA ? (ssize_t)used : -1; /* gone meanwhile */
		reserve_text(x, used + (size_t)n + 1);
		n = get(o, x->text + name, x->text + used, (size_t)n);
		if (n < 0 && errno == ERANGE)
			continue; /* it grew between the two calls */
		if (n < 0)
			return -1;
		add(x, name, used, (size_t)n);
		x->text[used + (size_t)n] = '\0';
		return (ssize_t)used + n + 1;
	}
}

int
xattrs_read(struct xattrs *x, int fd, const char *name)
{
	struct object o = {.fd = fd};
	x->n = 0;
	if (*name)
		snprintf(o.path, sizeof(o.path), "/proc/self/fd/%d/%s", fd, name);
	reserve_text(x, 1024);
	ssize_t len;
	while ((len = list(&o, x->text, x->text_cap)) < 0) {
		if (errno == ENOTSUP)
			return 0;
		if (errno != ERANGE)
			return -1;
		reserve_text(x, x->text_cap + 1);
	}
	ssize_t used = len;
	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(x->text + at) + 1) {
		if (is_ours(x->text + at))
			used = read_value(x, &o, (size_t)at, (size_t)used);
		if (used < 0)
			return -1;
	}
	for (size_t i = 0; i < x->n; i++) {
		x->v[i].name = x->text + (size_t)x->v[i].name;
		x->v[i].value = x->text + (size_t)x->v[i].value;
	}
	if (x->n > 1)
		qsort(x->v, x->n, sizeof(*x->v), by_name);
	return 0;
}

bool
xattrs_equal(const struct xattrs *a, const struct xattrs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].name, b->v[i].name) != 0 || a->v[i].len != b->v[i].len ||
			memcmp(a->v[i].value, b->v[i].value, a->v[i].len) != 0)
			return false;
	return true;
}

void
xattrs_free(struct xattrs *x)
{
	free(x->v);
	free(x->text);
	*x = (struct xattrs){0};
}
