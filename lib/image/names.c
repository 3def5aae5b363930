/* SPDX-License-Identifier: MIT */
#include "image/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MAX_TEXT ((size_t)256 * 1024 * 1024)

struct name_ {
	uint64_t hash;
	uint32_t at;
	uint32_t len;
};

static uint64_t
mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u; /* 2^64 over the golden ratio: odd, bits well spread */
	return h ^ h >> 29;
}

static uint64_t
hash_of(const struct names *s, const void *name, size_t len)
{
	const char *p = name;
	uint64_t h = s->seed ^ len;
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t w;
		memcpy(&w, p, 8);
		h = mix(h ^ w) + s->seed;
	}
	uint64_t w = 0;
	memcpy(&w, p, len);
	return mix(mix(h ^ w) ^ s->seed);
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t
slot_of(const struct names *s, const void *name, size_t len, uint64_t hash)
{
	size_t i = (size_t)hash & (s->n_slot - 1);
	for (; s->slot[i]; i = (i + 1) & (s->n_slot - 1)) {
		const struct name_ *e = &s->v[s->slot[i] - 1];
		if (e->hash == hash && e->len == len && memcmp(s->text + e->at, name, len) == 0)
			break;
	}
	return i;
}

static void *
grown(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n, size);
	if (!p)
		abort();
	return p;
}

/* Twice the slots: the table is at most half full. */
static void
rehash(struct names *s)
{
	free(s->slot);
	s->n_slot = s->n_slot ? s->n_slot * 2 : 64;
	s->slot = calloc(s->n_slot, sizeof(*s->slot));
	if (!s->slot)
		abort();
	for (size_t n = 0; n < s->n; n++) {
		size_t i = (size_t)s->v[n].hash & (s->n_slot - 1);
		while (s->slot[i])
			i = (i + 1) & (s->n_slot - 1);
		s->slot[i] = (uint32_t)n + 1;
	}
}

static int
reserve(struct names *s, size_t len)
{
	if (s->len + len + 1 > MAX_TEXT || s->n == UINT32_MAX - 1) {
		errno = ENOSPC;
		return -1;
	}
	if (!s->seed && getrandom(&s->seed, sizeof(s->seed), GRND_NONBLOCK) < 0)
		s->seed = (uint64_t)(uintptr_t)s; /* better than none, early after boot */
	if ((s->n + 1) * 2 > s->n_slot)
		rehash(s);
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 32;
		s->v = grown(s->v, s->cap, sizeof(*s->v));
	}
	while (s->len + len + 1 > s->text_cap) {
		s->text_cap = s->text_cap ? s->text_cap * 2 : 1024;
		s->text = grown(s->text, s->text_cap, 1);
	}
	return 0;
}

ssize_t
names_add(struct names *s, const void *name, size_t len, int *is_new)
{
	if (reserve(s, len) < 0)
		return -1;
	uint64_t hash = hash_of(s, name, len);
	size_t i = slot_of(s, name, len, hash);
	if (is_new)
		*is_new = !s->slot[i];
	if (s->slot[i])
		return (ssize_t)s->slot[i] - 1;
	memcpy(s->text + s->len, name, len);
	s->text[s->len + len] = '\0';
	s->v[s->n] = (struct name_){hash, (uint32_t)s->len, (uint32_t)len};
	s->len += len + 1;
	s->slot[i] = (uint32_t)++s->n;
	return (ssize_t)s->n - 1;
}

ssize_t
names_find(const struct names *s, const void *name, size_t len)
{
	if (!s->n)
		return -1;
	size_t i = slot_of(s, name, len, hash_of(s, name, len));
	return (ssize_t)s->slot[i] - 1;
}

const char *
names_at(const struct names *s, size_t i)
{
	return s->text + s->v[i].at;
}

void
names_free(struct names *s)
{
	free(s->v);
	free(s->slot);
	free(s->text);
	*s = (struct names){0};
}
