/* SPDX-License-Identifier: MIT
 * Which ids of the host a box gets. There is no list of those that are taken: what the box.json of
 * all boxes say is that list.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/subid.h"
#include "box/userns.h"
#include "door/state.h"
#include "door/sys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 65536 /* 16 bits: what programs and images expect */
#define RANGES_MAX 64
/* Of whom "auto" takes: our own user, Docker's, and that of podman. */
static const char *const pools[] = {"tacklebox", "dockremap", "containers"};

static const struct {
	const char *file, *key;
} kinds[] = {{"/etc/subuid", "UidMap"}, {"/etc/subgid", "GidMap"}};

/* By name or, for a user, by number. */
static int
read_ranges(const char *file, const char *name, struct subid v[RANGES_MAX])
{
	int64_t uid;
	if (!is_digits(name))
		return subid_read_name(file, name, v, RANGES_MAX);
	return parse_int(name, 0, UINT32_MAX - 1, &uid) < 0
		? -1
		: subid_read(file, (uid_t)uid, v, RANGES_MAX);
}

static void
add_range(json_t *ids, const char *key, uint32_t in, uint32_t out, uint32_t count)
{
	json_t *list = json_object_get(ids, key);
	auto_free char *text = fmt_new("%u:%u:%u", in, out, count);
	if (!list)
		json_object_set_new(ids, key, list = json_array());
	json_array_append_new(list, json_string(text));
}

/* ---- auto ---- */

struct taken {
	const char *path; /* "HostConfig.IDMappings.UidMap" */
	struct subid *v;
	size_t n;
};

static int
add_taken(const struct box *b, void *arg)
{
	struct taken *t = arg;
	unsigned in, first, count;
	json_t *item;
	size_t i;
	auto_json json_t *doc = box_read_if(b, "box.json");
	json_array_foreach(box_value(doc, t->path), i, item)
	{
		const char *text = json_string_value(item);
		if (!text || sscanf(text, "%u:%u:%u", &in, &first, &count) != 3)
			continue;
		t->v = realloc(t->v, (t->n + 1) * sizeof(*t->v));
		if (!t->v)
			abort();
		t->v[t->n++] = (struct subid){first, count};
	}
	return 0;
}

/* One that overlaps with [first, first + COUNT). */
static const struct subid *
overlap(const struct taken *t, uint64_t first)
{
	for (size_t i = 0; i < t->n; i++)
		if (first < (uint64_t)t->v[i].first + t->v[i].count &&
			t->v[i].first < first + COUNT)
			return &t->v[i];
	return NULL;
}

/* The lowest that is free. */
static bool
find_free(const struct taken *t, const struct subid *pool, size_t n, uint32_t *out)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t first = pool[i].first, end = first + pool[i].count;
		/* The host's root is nobody's in a box. */
		first += !first;
		const struct subid *in_way;
		while (first + COUNT <= end && (in_way = overlap(t, first)))
			first = (uint64_t)in_way->first + in_way->count;
		if (first + COUNT <= end && first + COUNT <= UINT32_MAX) {
			*out = (uint32_t)first;
			return true;
		}
	}
	return false;
}

/* The first of them that has a line in both files. */
static int
pool_of(const char **name)
{
	struct subid v[RANGES_MAX];
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		int uids = subid_read_name(kinds[0].file, pools[i], v, RANGES_MAX);
		int gids = subid_read_name(kinds[1].file, pools[i], v, RANGES_MAX);
		if (uids < 0 || gids < 0)
			return -1;
		*name = pools[i];
		if (uids && gids)
			return 0;
	}
	err_set(ERR_NOT_FOUND, kinds[0].file,
		"cannot choose user ids: none of the users %s, %s and %s has a line in both %s and %s",
		pools[0], pools[1], pools[2], kinds[0].file, kinds[1].file);
	return err_hint("echo %s:524288:65536000 >>%s, and the same for %s", pools[0],
		kinds[0].file, kinds[1].file);
}

static int
choose_free(json_t *ids)
{
	struct subid pool[RANGES_MAX];
	const char *name;
	uint32_t first;
	if (pool_of(&name) < 0)
		return -1;
	for (size_t k = 0; k < 2; k++) {
		char path[64];
		snprintf(path, sizeof(path), "HostConfig.IDMappings.%s", kinds[k].key);
		struct taken t = {.path = path};
		int n = subid_read_name(kinds[k].file, name, pool, RANGES_MAX);
		bool found = n >= 0 && box_each(add_taken, &t) == 0 &&
			find_free(&t, pool, (size_t)n, &first);
		free(t.v);
		if (n < 0)
			return -1;
		if (!found)
			return err_set(ERR_NO_SPACE, kinds[k].file,
				"no %d ids are free of those that %s gives to %s", COUNT,
				kinds[k].file, name);
		add_range(ids, kinds[k].key, 0, first, COUNT);
	}
	return 0;
}

/* ---- the others ---- */

/* 1: it is not of that form. Root of the host is not to be among them. */
static int explicit(const char *mode, json_t *ids)
{
	auto_free char *copy = str_new(mode);
	int64_t n[3];
	char *rest = copy, *part;
	int i = 0;
	if (strspn(mode, "0123456789:") != strlen(mode) || !strchr(mode, ':') ||
		strchr(mode, ':') == strrchr(mode, ':'))
		return 1;
	for (; i < 3 && (part = strsep(&rest, ":")); i++)
		if (!*part || parse_int(part, 1, UINT32_MAX - 1, &n[i]) < 0)
			break;
	if (i < 3 || rest || n[0] + n[2] > UINT32_MAX || n[1] + n[2] > UINT32_MAX)
		return err_set(ERR_INVALID, mode,
			"invalid USER namespace mode: '%s' is not UID:GID:COUNT, with none of them 0",
			mode);
	add_range(ids, kinds[0].key, 0, (uint32_t)n[0], (uint32_t)n[2]);
	add_range(ids, kinds[1].key, 0, (uint32_t)n[1], (uint32_t)n[2]);
	return 0;
}

/* All ranges of his, one after the other. */
static int
add_all(json_t *ids, size_t kind, const char *name)
{
	struct subid v[RANGES_MAX];
	uint32_t in = 0;
	int n = read_ranges(kinds[kind].file, name, v);
	if (n < 0)
		return -1;
	if (n == 0) {
		err_set(ERR_NOT_FOUND, kinds[kind].file,
			"invalid USER namespace mode: %s has no line for %s", kinds[kind].file,
			name);
		return err_hint("--userns is host, auto, UID:GID:COUNT, or a user who has some");
	}
	for (int i = 0; i < n; in += v[i++].count) {
		if ((uint64_t)v[i].first + v[i].count > UINT32_MAX || v[i].first == 0 ||
			(uint64_t)in + v[i].count > UINT32_MAX)
			return err_set(ERR_INVALID, kinds[kind].file,
				"%s gives ids to %s that nobody can be given", kinds[kind].file,
				name);
		add_range(ids, kinds[kind].key, in, v[i].first, v[i].count);
	}
	return 0;
}

static int
of_user(const char *mode, json_t *ids)
{
	auto_free char *user = str_new(strcmp(mode, "default") == 0 ? "dockremap" : mode);
	char *group = strchr(user, ':');
	if (group)
		*group++ = '\0';
	return add_all(ids, 0, user) < 0 ? -1 : add_all(ids, 1, group ? group : user);
}

/* Who has a namespace of another box has its user namespace too: nobody else has the rights over
 * what it is (namespaces(7)). */
static int
of_other(const char *mode, const struct box *other, json_t **ids)
{
	auto_json json_t *doc = box_read(other, "box.json");
	json_t *theirs = box_value(doc, "HostConfig.IDMappings");
	if (!doc)
		return -1;
	if (strcmp(mode, "auto") == 0 && theirs) {
		json_decref(*ids);
		*ids = json_deep_copy(theirs);
		return 0;
	}
	if (strcmp(mode, "auto") != 0 && json_equal(theirs, *ids))
		return 0;
	err_set(ERR_INVALID, mode,
		"cannot share namespaces of container %.12s with --userns %s: it has %s", other->id,
		mode, theirs ? "other ids" : "the host's ids");
	return err_hint(theirs ? "--userns auto takes the ids of the other"
			       : "--userns host gives it the host's ids");
}

static json_t *
ids_for(const json_t *h, const char *mode)
{
	json_t *ids = json_object();
	struct box other;
	int shared = box_userns_other(h, &other);
	bool automatic = strcmp(mode, "auto") == 0;
	int r = shared < 0	      ? -1
		: automatic && shared ? 0
		: automatic	      ? choose_free(ids)
				      : explicit(mode, ids);
	if (r == 1)
		r = of_user(mode, ids);
	if (r == 0 && shared)
		r = of_other(mode, &other, &ids);
	if (r == 0)
		return ids;
	json_decref(ids);
	return NULL;
}

int
box_userns_choose(json_t *doc, int *lock)
{
	json_t *h = json_object_get(doc, "HostConfig");
	const char *mode = box_text(h, "UsernsMode");
	char path[PATH_MAX];
	if (!box_userns_is_own(mode))
		return 0;
	if (state_root_path(path, "userns.lock") < 0 ||
		sys_lock("nobody else chooses user ids meanwhile", path, true, lock) < 0)
		return -1;
	json_t *ids = ids_for(h, mode);
	return ids ? json_object_set_new(h, "IDMappings", ids) : -1;
}
