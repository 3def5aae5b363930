/* SPDX-License-Identifier: MIT
 * br-publish: a port of this host leads to a port of an attached network namespace.
 *
 * The kernel rewrites the destination of what arrives (DNAT), before it decides where to send it.
 * Three ways lead there: from outside, from the host itself (also by 127.0.0.1), and from the
 * bridge's own subnet (hairpin).
 *
 *	br-publish web 8080:80
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/env.h"
#include "door/sys.h"
#include "door/tool.h"
#include "mech/bridge.h"
#include "mech/lease.h"
#include "mech/net_nft.h"
#include "mech/netns.h"
#include "mech/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct {
	const char *bridge;
	bool bound, remove;
} o;

static const struct opt options[] = {
	{0, "bridge", "BRIDGE", opt_str, &o.bridge,
		"the one meant, where the namespace is at several", false},
	{0, "bound", NULL, opt_flag, &o.bound, "whom it is for has bound the port already", false},
	{0, "rm", NULL, opt_flag, &o.remove, "take the published port back", false},
	OPT_END,
};

static const struct tool me = {
	.name = "br-publish",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NETNS [HOSTIP:]HPORT[-LAST]:CPORT[-LAST][/udp]",
	.summary = "Publishes a port of an attached network namespace, and prints where.",
	.options = options,
	.example = "br-publish web 8080:80\nbr-publish --rm web 8080:80",
};

static bool
has_published(const struct lease *l, const char *text)
{
	for (size_t i = 0; i < l->published.n; i++)
		if (strcmp(l->published.v[i], text) == 0)
			return true;
	return false;
}

/* Of several ports there was a choice of, the one that was chosen. */
static bool
find_published(const struct lease *l, struct publish *p)
{
	char text[PUBLISH_TEXT];
	struct publish one = *p;
	one.spare = 0;
	for (unsigned i = 0; i <= p->spare; i++) {
		one.hport = (uint16_t)(p->hport + i);
		if (has_published(l, publish_text(&one, text))) {
			*p = one;
			return true;
		}
	}
	return false;
}

struct search {
	const struct netns *ns;
	struct publish *remove; /* found only where it is published, and among the dead as well */
	struct lease *l;
	int n;
};

static int
match(struct lease *l, void *arg)
{
	struct search *s = arg;
	bool dead = s->remove && !lease_alive(l) && strcmp(l->netns, s->ns->path) == 0;
	/* A lease without its cable is of a former namespace, whose inode number this one got. */
	bool its = lease_is_of(l, s->ns) && (s->remove || lease_has_cable(l));
	if ((!its && !dead) || (o.bridge && strcmp(o.bridge, l->bridge) != 0))
		return 0;
	if (s->remove && !find_published(l, s->remove))
		return 0;
	*s->l = *l;
	s->n++;
	return 0;
}

static int
find_lease(const char *spec, struct publish *p, struct lease *l)
{
	struct netns ns;
	char text[PUBLISH_TEXT];
	struct search s = {&ns, o.remove ? p : NULL, l, 0};
	/* What ended without br-detach is still found by its path, to be taken back. */
	if (netns_open(spec, false, &ns) < 0 && (!o.remove || err.no != ENOENT))
		return -1;
	struct err before = err;
	if (lease_each(o.bridge, match, &s) < 0)
		return -1;
	if (s.n == 1)
		return 0;
	if (s.n == 0 && o.remove && ns.fd < 0)
		return err = before, -1;
	if (s.n == 0 && o.remove)
		return err_set(ERR_NOT_FOUND, spec, "%s is not published", publish_text(p, text));
	if (s.n == 0) {
		err_set(ERR_NOT_FOUND, spec, "%s is not attached to a bridge", spec);
		return err_hint("br-attach BRIDGE %s first", spec);
	}
	err_set(ERR_INVALID, spec, "%s is attached to several bridges", spec);
	return err_hint("say which with --bridge");
}

/* 127.0.0.1 is not routed over links unless they say so; the rule that keeps neighbours from using
 * that way stands in the bridge's table since br-setup. */
static int
allow_loopback(const struct lease *l)
{
	char path[128], now[8];
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/route_localnet", l->bridge);
	if (file_read_line(path, now, sizeof(now)) == 0 && strcmp(now, "1") == 0)
		return 0;
	return sys_write("let 127.0.0.1 of this host reach the bridge", path, "1", NULL);
}

static void
drop_published(struct lease *l, const char *text)
{
	size_t to = 0;
	for (size_t i = 0; i < l->published.n; i++)
		if (strcmp(l->published.v[i], text) != 0)
			l->published.v[to++] = l->published.v[i];
	l->published.n = to;
}

static int
take_back(struct lease *l, const struct bridge *b, struct publish *p)
{
	char text[PUBLISH_TEXT];
	auto_buf struct buf script = BUF_INIT;
	publish_text(p, text);
	publish_script(p, b, l, "delete", &script);
	/* A table that somebody has flushed has no such port, and one that leads elsewhere now is
	 * another's. */
	if (nft_change("the port leads nowhere again", l->bridge, script.s) < 0) {
		if (err.no != ENOENT && err.no != EEXIST)
			return -1;
		err_clear();
	}
	drop_published(l, text);
	return lease_rewrite(l);
}

/* All that is published, at any bridge: each has rules of its own, and would not know. */
struct published {
	struct publish *v;
	size_t n;
};

static int
collect(struct lease *l, void *arg)
{
	struct published *all = arg;
	all->v = realloc(all->v, (all->n + l->published.n + 1) * sizeof(*all->v));
	if (!all->v)
		abort();
	for (size_t i = 0; i < l->published.n; i++)
		all->n += publish_parse(l->published.v[i], &all->v[all->n]) == 0;
	return 0;
}

static int
claim(struct publish *p)
{
	struct published all = {NULL, 0};
	int r = lease_each(NULL, collect, &all);
	if (r == 0)
		r = publish_claim(p, o.bound, all.v, all.n);
	free(all.v);
	return r;
}

static int
not_published(struct lease *l, const struct publish *p, const char *text)
{
	if (err.no == EEXIST)
		err_set(ERR_IN_USE, text, "port %s is published already", publish_where(p));
	struct err why = err;
	env_no_faults();
	drop_published(l, text);
	if (lease_rewrite(l) < 0)
		tool_complain();
	err = why;
	return -1;
}

static int
publish(struct lease *l, const struct bridge *b, struct publish *p)
{
	char text[PUBLISH_TEXT];
	auto_buf struct buf script = BUF_INIT;
	/* It is noted first, and its rule may have been flushed since. */
	bool noted = o.bound && has_published(l, publish_text(p, text));
	if (!noted && claim(p) < 0)
		return -1;
	publish_script(p, b, l, noted ? "add" : "create", &script);
	if (p->at.family != AF_INET6 && allow_loopback(l) < 0)
		return -1;
	/* First that it is noted: whoever takes it back goes by that. */
	publish_text(p, text);
	if (!noted)
		strlist_add(&l->published, text);
	if (!noted && lease_rewrite(l) < 0)
		return -1;
	if (nft_change("what comes for the port goes to the container", l->bridge, script.s) < 0)
		return noted ? -1 : not_published(l, p, text);
	tool_result("%s", publish_where(p));
	return 0;
}

int
main(int argc, char **argv)
{
	struct lease l = {0};
	struct bridge b;
	struct publish p;
	int ports, lock;
	struct args a = tool_start(&me, argc, argv);
	if (a.n != 2)
		tool_usage("NETNS and a port are needed");
	if (publish_parse(a.operand[1], &p) < 0)
		tool_die();
	if (o.bound && (o.remove || !p.hport || p.spare))
		tool_usage("--bound goes with ports to publish that are given");
	struct net *n = net_open();
	if (!n || find_lease(a.operand[0], &p, &l) < 0 ||
		(!o.remove && lease_lock(NULL, &ports) < 0) || lease_lock(l.bridge, &lock) < 0)
		tool_die();
	/* Again: it may have changed before the lock was ours. */
	if (find_lease(a.operand[0], &p, &l) < 0 || bridge_find(n, l.bridge, &b) < 0)
		tool_die();
	if (o.remove ? take_back(&l, &b, &p) < 0 : publish(&l, &b, &p) < 0)
		tool_die();
	return tool_finish();
}
