/* SPDX-License-Identifier: MIT
 * What the files of a context hold is remembered from one build to the next, as git's index does
 * it: a file whose inode, size and times are the same was not written to meanwhile, and is not read
 * again. The time of change (ctime) cannot be set by anybody; only what is younger than two seconds
 * may have been changed without a trace of it, and is read again. A line each: device, inode, size,
 * both times in seconds and nanoseconds, digest.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include "image/names.h"
#include "image/sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MAX ((size_t)256 << 20)
#define YOUNG 2 /* seconds */
/* Nobody tells us of files that are gone. With more entries than this, some 40 MB, those that this
 * process did not look for are forgotten: at worst another stage reads its files again. */
#define KEPT_MAX ((size_t)1 << 18)

struct known {
	uint64_t dev, ino;
	int64_t size, sec, nsec, csec, cnsec;
	char digest[DIGEST_SIZE];
	bool used; /* found or added by us */
};

static struct {
	struct names index; /* dev and ino, with the place in v */
	struct known *v;
	size_t n;
	bool more; /* than was read */
	char path[PATH_MAX]; /* "" when nothing is remembered */
} all;

static void
add(const struct known *k)
{
	ssize_t at = names_add(&all.index, k, 2 * sizeof(uint64_t), NULL);
	if (at < 0)
		return;
	if ((size_t)at == all.n && !(all.n & (all.n - 1))) {
		all.v = realloc(all.v, (all.n ? 2 * all.n : 1) * sizeof(*all.v));
		if (!all.v)
			abort();
	}
	all.v[at] = *k;
	all.n += (size_t)at == all.n;
}

/* Not by sscanf(3), which looks for the end of the whole text each time. */
static bool
read_known(const char *line, const char *end, struct known *k)
{
	uint64_t n[7];
	for (size_t i = 0; i < 7; i++) {
		char *behind;
		n[i] = strtoull(line, &behind, 10); /* of "-1" it makes what is -1 again below */
		if (behind == line || *behind != ' ')
			return false;
		line = behind + 1;
	}
	*k = (struct known){.dev = n[0],
		.ino = n[1],
		.size = (int64_t)n[2],
		.sec = (int64_t)n[3],
		.nsec = (int64_t)n[4],
		.csec = (int64_t)n[5],
		.cnsec = (int64_t)n[6]};
	if (end - line != DIGEST_SIZE - 1)
		return false;
	memcpy(k->digest, line, DIGEST_SIZE - 1);
	return digest_ok(k->digest);
}

void
sums_open(const char *context)
{
	auto_buf struct buf text = BUF_INIT;
	char place[PATH_MAX], digest[DIGEST_SIZE];
	struct known k;
	struct err before = err;
	sha256_of(context, strlen(context), digest);
	if (build_place("sums", place) == 0) {
		snprintf(all.path, sizeof(all.path), "%.*s/%.32s", PATH_MAX - 64, place,
			digest_hex(digest));
		if (file_exists(all.path) && file_read(all.path, KNOWN_MAX, &text) == 0)
			for (const char *line = text.s, *end; line && *line; line = end) {
				end = line + strcspn(line, "\n");
				if (read_known(line, end, &k))
					add(&k);
				end += *end == '\n';
			}
	}
	err = before;
}

const char *
sums_find(const struct item *it)
{
	const uint64_t key[2] = {it->dev, it->ino};
	ssize_t at = all.path[0] ? names_find(&all.index, key, sizeof(key)) : -1;
	struct known *k = at < 0 ? NULL : &all.v[at];
	if (!k || k->size != it->size || k->sec != it->sec || k->nsec != it->nsec ||
		k->csec != it->csec || k->cnsec != it->cnsec)
		return NULL;
	k->used = true;
	return k->digest;
}

void
sums_add(const struct build *b, const struct item *it, const char *digest)
{
	struct known k = {.dev = it->dev,
		.ino = it->ino,
		.size = it->size,
		.sec = it->sec,
		.nsec = it->nsec,
		.csec = it->csec,
		.cnsec = it->cnsec,
		.used = true};
	/* b->began: when this build did. What was changed since then may be changed again. */
	if (!all.path[0] || it->csec + YOUNG > b->began)
		return;
	memcpy(k.digest, digest, DIGEST_SIZE);
	add(&k);
	all.more = true;
}

int
sums_save(void)
{
	auto_buf struct buf text = BUF_INIT;
	char place[PATH_MAX];
	if (!all.more || step_dry())
		return 0;
	all.more = false;
	if (build_place("sums", place) < 0 ||
		sys_keep_dir("what is known of contexts", place, 0700) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct known *k = &all.v[i];
		if (all.n > KEPT_MAX && !k->used)
			continue;
		buf_addf(&text,
			"%" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
			" %" PRId64 " %s\n",
			k->dev, k->ino, k->size, k->sec, k->nsec, k->csec, k->cnsec, k->digest);
	}
	return sys_remember(
		"what the files of this context hold", all.path, buf_str(&text), text.len, 0600);
}
