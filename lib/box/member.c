/* SPDX-License-Identifier: MIT */
#include "box/member.h"

#include "base/auto.h"
#include "box/endpoint.h"
#include "box/etc.h"
#include "box/links.h"
#include "door/tool.h"

#include <unistd.h>

int
member_open(const struct args *a, struct member *m)
{
	*m = (struct member){.lock = -1};
	if (a->n != 2)
		tool_usage(a->n < 2 ? "NETWORK and BOX are needed" : "more than NETWORK and BOX");
	if (network_lock(true, &m->lock) < 0 || network_find(a->operand[0], &m->n) < 0 ||
		box_find(a->operand[1], &m->b) < 0 || !(m->doc = box_read(&m->b, "box.json")))
		return -1;
	m->asked = box_value(m->doc, "NetworkingConfig.EndpointsConfig");
	if (endpoint_is_up(&m->b))
		m->net = box_read_if(&m->b, "network.json");
	return 0;
}

int
member_settle(const struct member *m)
{
	if (endpoint_write(&m->b, m->net) < 0 || endpoint_names(&m->b, m->doc) < 0 ||
		etc_connected(&m->b, m->doc, m->net) < 0)
		return -1;
	links_follow(&m->b, m->net);
	return 0;
}

void
member_close(struct member *m)
{
	network_free(&m->n);
	json_decref(m->doc);
	json_decref(m->net);
	if (m->lock >= 0)
		close(take_fd(&m->lock));
}
