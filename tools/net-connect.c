/* SPDX-License-Identifier: MIT
 * net-connect: one more network for a box, which may run.
 *
 *	net-connect --alias db back web
 */
#include "base/err.h"
#include "base/json.h"
#include "box/endpoint.h"
#include "box/expose.h"
#include "box/member.h"
#include "door/env.h"
#include "door/tool.h"

#include <string.h>

static struct {
	const char *ip;
	struct strlist alias, link;
} o;

static const struct opt options[] = {
	{0, "ip", "ADDRESS", opt_str, &o.ip, "this address, not the next free one", false},
	{0, "alias", "NAME", opt_list, &o.alias, "one more name in this network (repeatable)",
		false},
	{0, "link", "BOX[:NAME]", opt_list, &o.link,
		"a name for another box, below /etc, from its next start on (repeatable)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "net-connect",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NETWORK BOX",
	.summary = "Connects BOX to one more network.",
	.options = options,
	.example = "net-connect --alias db back example",
	.rights = RIGHTS_ROOT,
};

static json_t *
list(const struct strlist *l)
{
	json_t *out = l->n ? json_array() : json_null();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(out, json_string(l->v[i]));
	return out;
}

static json_t *
asked(void)
{
	json_t *e = json_pack("{s:o,s:o}", "Aliases", list(&o.alias), "Links", list(&o.link));
	json_t *ip = o.ip ? json_pack("{s:s}", "IPv4Address", o.ip) : json_null();
	json_object_set_new(e, "IPAMConfig", ip);
	return e;
}

/* It is as it was. The cable is there once it is noted. */
static int
give_up(const struct member *m)
{
	struct err why = err;
	env_no_faults();
	if (strcmp(box_text(m->net, "Published"), m->n.name) == 0)
		json_object_set_new(m->net, "Published", json_null());
	if (json_object_get(json_object_get(m->net, "Networks"), m->n.name) &&
		(endpoint_remove(&m->b, m->doc, &m->n, m->net) < 0 ||
			endpoint_write(&m->b, m->net) < 0))
		tool_complain();
	err = why;
	return -1;
}

static int
check(const struct member *m)
{
	const char *mode = box_text(m->doc, "HostConfig.NetworkMode");
	if (!network_of_mode(mode))
		return err_set(ERR_CONFLICT, m->n.name,
			"container cannot be connected to a network: its mode is %s", mode);
	if (!m->n.bridge[0])
		return err_set(ERR_DENIED, m->n.name,
			"container cannot be disconnected from host network or connected to host network");
	if (json_object_get(m->asked, m->n.name))
		return err_set(ERR_DENIED, m->n.name,
			"endpoint with name %s already exists in network %s",
			box_text(m->doc, "Name"), m->n.name);
	return 0;
}

/* The cable is laid first: box.json shall not say what cannot be. */
static int
join(const struct member *m)
{
	if (check(m) < 0)
		return -1;
	json_object_set_new(m->asked, m->n.name, asked());
	if ((m->net &&
		    (endpoint_add(&m->b, m->doc, &m->n, m->net) < 0 || member_settle(m) < 0 ||
			    expose_follow(&m->b, m->net) < 0)) ||
		box_write(&m->b, "box.json", "one network more", m->doc) < 0)
		return m->net ? give_up(m) : -1;
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct member m;
	if (member_open(&a, &m) < 0 || join(&m) < 0)
		tool_die();
	member_close(&m);
	return tool_finish();
}
