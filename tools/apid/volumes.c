/* SPDX-License-Identifier: MIT
 * Volumes: vol-*.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "box/volume_list.h"
#include "job.h"

#include <string.h>

int
volumes_all(struct request *r)
{
	struct strlist filters;
	struct volume_list l = {0};
	if (body_filters(r, &filters) < 0)
		return -1;
	int ok = volumes_list(&filters, &l);
	words_free(&filters);
	if (ok < 0)
		return -1;
	json_t *list = json_array();
	for (size_t i = 0; i < l.n; i++)
		json_array_append(list, l.v[i].doc);
	volumes_free(&l);
	return reply_json(r, 200, json_pack("{s:o,s:[]}", "Volumes", list, "Warnings"));
}

int
volumes_inspect(struct request *r)
{
	struct volume v;
	int found = volume_find(r->part[0], &v);
	if (found <= 0)
		return err_set(ERR_NOT_FOUND, r->part[0], "get %s: no such volume", r->part[0]);
	json_t *doc = volume_read(&v);
	return doc ? reply_json(r, 200, doc) : -1;
}

int
volumes_create(struct request *r)
{
	struct strlist l = {0};
	const char *key;
	json_t *v;
	auto_json json_t *doc = body_json(r, false);
	if (!doc)
		return -1;
	if (json_object_size(body_member(doc, "DriverOpts")))
		return err_set(ERR_UNSUPPORTED, "DriverOpts", "volumes have no driver options");
	word(&l, "vol-create");
	word(&l, "--json");
	if (*body_text(doc, "Driver"))
		wordf(&l, "--driver=%s", body_text(doc, "Driver"));
	json_object_foreach(body_member(doc, "Labels"), key, v)
		wordf(&l, "--label=%s=%s", key, json_is_string(v) ? json_string_value(v) : "");
	if (*body_text(doc, "Name")) {
		word(&l, "--");
		word(&l, body_text(doc, "Name"));
	}
	return job_reply_json(r, "a volume", &l, NULL, 201);
}

int
volumes_rm(struct request *r)
{
	struct strlist l = {0};
	struct volume v;
	int found = volume_find(r->part[0], &v);
	if (found <= 0 && request_flag(r, "force", false))
		return reply_empty(r, 204);
	if (found <= 0)
		return err_set(ERR_NOT_FOUND, r->part[0], "get %s: no such volume", r->part[0]);
	word(&l, "vol-rm");
	word(&l, "--");
	word(&l, r->part[0]);
	return job_reply(r, "the volume goes", &l, 204);
}

/* Until 1.42 those with a name went as well; since then they do if "all" says so. */
int
volumes_prune(struct request *r)
{
	struct strlist l = {0}, filters;
	bool all = r->version < 142;
	if (body_filters(r, &filters) < 0)
		return -1;
	word(&l, "vol-prune");
	word(&l, "--json");
	for (size_t i = 0; i < filters.n; i++)
		if (strncmp(filters.v[i], "all=", 4) == 0)
			all = strcmp(filters.v[i] + 4, "true") == 0 ||
				strcmp(filters.v[i] + 4, "1") == 0;
		else
			wordf(&l, "--filter=%s", filters.v[i]);
	if (all)
		word(&l, "--all");
	words_free(&filters);
	return job_reply_json(r, "volumes that no container has go", &l, NULL, 200);
}
