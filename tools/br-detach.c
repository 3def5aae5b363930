/* SPDX-License-Identifier: MIT
 * br-detach: takes away what br-attach made: the cable, the address, the name if br-attach gave it.
 *
 *	br-detach web
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/spawn.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/tool.h"
#include "mech/bridge.h"
#include "mech/lease.h"
#include "mech/net_link.h"
#include "mech/netns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct opt options[] = {OPT_END};

static const struct tool me = {
	.name = "br-detach",
	.kind = TOOL_ACTS,
	.usage = "NETNS [BRIDGE]",
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

/* Packet rules are br-publish's business, and its library takes time to load: it is only run when
 * there is something published. */
static int
unpublish(const struct lease *l)
{
	for (size_t i = 0; i < l->published.n; i++) {
		char *argv[] = {(char *)(uintptr_t) "br-publish", (char *)(uintptr_t) "--rm",
			(char *)(uintptr_t) "--bridge", (char *)(uintptr_t)l->bridge,
			(char *)(uintptr_t)l->netns, (char *)(uintptr_t)l->published.v[i], NULL};
		int status = run_wait("its published port", argv);
		if (status < 0)
			return -1;
		if (status != 0)
			return err_set(ERR_INTERNAL, l->published.v[i],
				"cannot take back published port %s", l->published.v[i]);
	}
	return 0;
}

static int
open_inside(void *arg)
{
	struct net **n = arg;
	*n = net_open();
	return *n ? 0 : -1;
}

/* All cables at once: the namespace they are moved to for their end is made only once. */
static int
discard(const struct search *s)
{
	struct net *here = net_open(), *inside = NULL;
	size_t n = 0;
	if (!here || (s->ns->fd >= 0 && sys_netns_visit(s->ns->fd, open_inside, &inside) < 0))
		return -1;
	struct net_doomed *links = calloc(s->n * 3 + 1, sizeof(*links));
	char **shells = calloc(s->n * 2 + 1, sizeof(*shells));
	if (!links || !shells)
		abort();
	for (size_t i = 0; i < s->n; i++) {
		const struct lease *l = &s->found[i];
		shells[i * 2] = fmt_new("ip link delete %s", tell_sh(l->port));
		/* The far end first: from here on nothing inside can use it. */
		if (inside)
			links[n++] = (struct net_doomed){inside, l->name, NULL};
		links[n++] = (struct net_doomed){here, l->port, shells[i * 2]};
		if (l->ifb[0]) {
			shells[i * 2 + 1] = fmt_new("ip link delete %s", tell_sh(l->ifb));
			links[n++] = (struct net_doomed){here, l->ifb, shells[i * 2 + 1]};
		}
	}
	int r = net_links_discard(
		"the cable goes, and nobody waits for the kernel to free it", links, n);
	for (size_t i = 0; i < s->n * 2; i++)
		free(shells[i]);
	free((void *)shells);
	free(links);
	net_close(inside);
	net_close(here);
	return r;
}

static int
detach(const struct search *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (unpublish(&s->found[i]) < 0)
			return -1;
	/* From the outside in, so that a failure in between leaves what a second try still finds.
	 */
	bool ours = netns_is_ours(s->ns->path) && !s->left;
	if (discard(s) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (lease_remove(&s->found[i]) < 0)
			return -1;
	return ours ? netns_remove(s->ns->path) : 0;
}

int
main(int argc, char **argv)
{
	struct netns ns;
	struct args a = tool_start(&me, argc, argv);
	if (a.n < 1 || a.n > 2)
		tool_usage("NETNS is needed, and at most one BRIDGE");
	/* A process that ended took its namespace along: its leases are still found by the path. */
	if (netns_open(a.operand[0], false, &ns) < 0 && err.no != ENOENT)
		tool_die();
	struct err before = err;
	struct search s = {.ns = &ns, .bridge = a.n == 2 ? a.operand[1] : NULL};
	if (lease_each(NULL, match, &s) < 0)
		tool_die();
	if (s.n == 0 && before.no) {
		err = before;
		tool_die();
	}
	if (s.n == 0) {
		err_set(ERR_NOT_FOUND, a.operand[0], "%s is not attached to %s", a.operand[0],
			s.bridge ? s.bridge : "any bridge");
		tool_die();
	}
	if (detach(&s) < 0)
		tool_die();
	return tool_finish();
}
