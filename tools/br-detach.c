/* SPDX-License-Identifier: MIT
 * br-detach: takes away what br-attach made: the cable, the address, the name if br-attach gave it.
 *
 *	br-detach web
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/tool.h"
#include "mech/bridge.h"
#include "mech/lease.h"
#include "mech/net_link.h"
#include "mech/netns.h"
#include "mech/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool keep;

static const struct opt options[] = {
	{0, "keep-name", NULL, opt_flag, &keep,
		"the name of the namespace stays, even if br-attach gave it", false},
	OPT_END,
};

static const struct tool me = {
	.name = "br-detach",
	.kind = TOOL_ACTS,
	.usage = "[--keep-name] NETNS [BRIDGE]",
	.summary =
		"Takes away what br-attach made in a network namespace, at one bridge or at all.",
	.options = options,
	.example = "br-attach br-example web\nbr-detach web",
};

struct search {
	const struct netns *ns;
	const char *bridge; /* NULL: all */
	struct lease *found;
	size_t n, left; /* left: leases of this namespace at other bridges */
};

static int
match(struct lease *l, void *arg)
{
	struct search *s = arg;
	if (!lease_is_of(l, s->ns))
		return 0;
	if (s->bridge && strcmp(s->bridge, l->bridge) != 0) {
		s->left++;
		return 0;
	}
	struct lease *v = realloc(s->found, (s->n + 1) * sizeof(*v));
	if (!v)
		abort();
	s->found = v;
	v[s->n++] = *l;
	return 0;
}

/* Away with one cable: its near end takes the far one along. The lease goes last, so that a failure
 * in between leaves what a second try still finds. */
static int
detach_one(struct net *n, const struct lease *l)
{
	if (publish_drop(l) < 0 ||
		net_link_discard(n, "the cable goes, and nobody waits for the kernel to free it",
			l->port) < 0)
		return -1;
	if (l->ifb[0] && net_link_discard(n, "and the link that had its queue", l->ifb) < 0)
		return -1;
	return lease_remove(l);
}

static int
detach(const struct search *s)
{
	struct net *n = net_open();
	for (size_t i = 0; n && i < s->n; i++)
		if (detach_one(n, &s->found[i]) < 0)
			return -1;
	if (!n)
		return -1;
	return !keep && netns_is_ours(s->ns->path) && !s->left ? netns_remove(s->ns->path) : 0;
}

int
main(int argc, char **argv)
{
	struct netns ns;
	struct args a = tool_start(&me, argc, argv);
	if (a.n < 1 || a.n > 2)
		tool_usage("NETNS is needed, and at most one BRIDGE");
	/* A process that ended took its namespace along, or mounts that ended theirs: its leases
	 * are still found by the path. */
	bool gone = netns_open(a.operand[0], false, &ns) < 0, ours = netns_is_ours(ns.path);
	if (gone && err.no != ENOENT && !ours)
		tool_die();
	struct err before = err;
	struct search s = {.ns = &ns, .bridge = a.n == 2 ? a.operand[1] : NULL};
	if (lease_each(NULL, match, &s) < 0)
		tool_die();
	/* One of ours that has lost its last cable has nothing but its name to lose. */
	bool named = ours && !s.bridge && !keep;
	if (s.n == 0 && gone && !named) {
		err = before;
		tool_die();
	}
	if (s.n == 0 && !named) {
		err_set(ERR_NOT_FOUND, a.operand[0], "%s is not attached to %s", a.operand[0],
			s.bridge ? s.bridge : "any bridge");
		tool_die();
	}
	if (detach(&s) < 0)
		tool_die();
	return tool_finish();
}
