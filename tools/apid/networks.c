/* SPDX-License-Identifier: MIT
 * Networks of containers: net-*.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "box/network_list.h"
#include "job.h"

#include <string.h>

static int
add_item(const struct network *n, void *list)
{
	json_t *doc = network_show(n);
	/* Who is in it stands in the document of one alone. */
	json_object_set_new(doc, "Containers", json_object());
	json_array_append_new(list, doc);
	return 0;
}

int
networks_all(struct request *r)
{
	struct strlist filters;
	auto_json json_t *list = json_array();
	if (body_filters(r, &filters) < 0)
		return -1;
	int ok = networks_list(&filters, add_item, list);
	words_free(&filters);
	return ok < 0 ? -1 : reply_json(r, 200, json_incref(list));
}

int
networks_inspect(struct request *r)
{
	struct network n;
	if (network_find(r->part[0], &n) < 0)
		return -1;
	json_t *doc = network_show(&n);
	network_free(&n);
	return doc ? reply_json(r, 200, doc) : -1;
}

static void
add_pairs(struct strlist *l, const char *option, const json_t *map)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)map, key, v)
		wordf(l, "--%s=%s=%s", option, key, json_is_string(v) ? json_string_value(v) : "");
}

static int
add_subnets(struct strlist *l, const json_t *ipam)
{
	json_t *c;
	size_t i;
	json_array_foreach(body_member(ipam, "Config"), i, c)
	{
		if (*body_text(c, "IPRange"))
			return err_set(ERR_UNSUPPORTED, "IPRange",
				"addresses are given from the whole subnet: there is no IPRange");
		if (*body_text(c, "Subnet"))
			wordf(l, "--subnet=%s", body_text(c, "Subnet"));
		if (*body_text(c, "Gateway"))
			wordf(l, "--gateway=%s", body_text(c, "Gateway"));
	}
	return 0;
}

int
networks_create(struct request *r)
{
	struct strlist l = {0};
	auto_buf struct buf id = BUF_INIT;
	auto_json json_t *doc = body_json(r, false);
	if (!doc)
		return -1;
	const char *driver = body_text(doc, "Driver");
	word(&l, "net-create");
	if (*driver)
		wordf(&l, "--driver=%s", driver);
	if (body_flag(doc, "Internal"))
		word(&l, "--internal");
	if (body_flag(doc, "Attachable"))
		word(&l, "--attachable");
	if (add_subnets(&l, body_member(doc, "IPAM")) < 0) {
		words_free(&l);
		return -1;
	}
	add_pairs(&l, "opt", body_member(doc, "Options"));
	add_pairs(&l, "label", body_member(doc, "Labels"));
	word(&l, "--");
	word(&l, body_text(doc, "Name"));
	if (job_run("a network", &l, NULL, &id) < 0)
		return -1;
	return reply_json(r, 201, json_pack("{s:s,s:s}", "Id", buf_str(&id), "Warning", ""));
}

int
networks_remove(struct request *r)
{
	struct strlist l = {0};
	word(&l, "net-rm");
	word(&l, "--");
	word(&l, r->part[0]);
	if (job_run("the network goes", &l, NULL, NULL) == 0)
		return reply_empty(r, 204);
	return reply_error(r, err.class == ERR_IN_USE ? 403 : 0);
}

static void
add_list(struct strlist *l, const char *option, const json_t *list)
{
	json_t *v;
	size_t i;
	json_array_foreach(list, i, v) if (json_is_string(v))
		wordf(l, "--%s=%s", option, json_string_value(v));
}

int
networks_connect(struct request *r)
{
	struct strlist l = {0};
	auto_json json_t *doc = body_json(r, false);
	if (!doc)
		return -1;
	const json_t *e = body_member(doc, "EndpointConfig");
	const char *ip = body_text(body_member(e, "IPAMConfig"), "IPv4Address");
	word(&l, "net-connect");
	if (*ip)
		wordf(&l, "--ip=%s", ip);
	add_list(&l, "alias", body_member(e, "Aliases"));
	add_list(&l, "link", body_member(e, "Links"));
	word(&l, "--");
	word(&l, r->part[0]);
	word(&l, body_text(doc, "Container"));
	return job_reply(r, "one more network for it", &l, 200);
}

int
networks_disconnect(struct request *r)
{
	struct strlist l = {0};
	auto_json json_t *doc = body_json(r, false);
	if (!doc)
		return -1;
	word(&l, "net-disconnect");
	if (body_flag(doc, "Force"))
		word(&l, "--force");
	word(&l, "--");
	word(&l, r->part[0]);
	word(&l, body_text(doc, "Container"));
	return job_reply(r, "one network less for it", &l, 200);
}

int
networks_prune(struct request *r)
{
	struct strlist l = {0}, filters;
	if (body_filters(r, &filters) < 0)
		return -1;
	word(&l, "net-prune");
	word(&l, "--json");
	for (size_t i = 0; i < filters.n; i++)
		wordf(&l, "--filter=%s", filters.v[i]);
	words_free(&filters);
	return job_reply_json(r, "networks that nobody is in go", &l, NULL, 200);
}
