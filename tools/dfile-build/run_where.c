/* SPDX-License-Identifier: MIT
 * Where the programs of RUN are: a control group and a network for each stage, and files of their
 * own below /etc.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "box/limits.h"
#include "box/network.h"
#include "box/servers.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/sys.h"
#include "door/tool.h"
#include "mech/cgroup.h"
#include <stdlib.h>
#include <string.h>

static json_t *
limits(void)
{
	json_t *h = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s}", "Memory",
		(json_int_t)asked.limits.memory, "MemorySwap", (json_int_t)asked.limits.swap,
		"CpuShares", (json_int_t)asked.limits.shares, "CpuPeriod",
		(json_int_t)asked.limits.period, "CpuQuota", (json_int_t)asked.limits.quota,
		"PidsLimit", (json_int_t)asked.limits.pids, "CpusetCpus",
		asked.limits.cpus ? asked.limits.cpus : "", "CpusetMems",
		asked.limits.mems ? asked.limits.mems : "");
	if (!h)
		abort();
	return h;
}

/* An ordinary user may have none to give to: his programs are bounded by what he is. */
static bool
groups_here(void)
{
	const struct cg_host *host;
	if (!rootless_here() || cg_host(&host) == 0)
		return true;
	if (asked.limits.memory || asked.limits.shares || asked.limits.quota || asked.limits.cpus ||
		asked.limits.mems)
		tool_warn("the limits of the build are not kept: %s", err.message);
	err_clear();
	return false;
}

/* A stage has a group of its own below that of the build, for it may run beside others. */
int
run_group(struct task *p)
{
	struct strlist l = {0};
	struct stage *s = p->s;
	auto_fd int lock = -1;
	if (s->group)
		return 0;
	/* The group above it is made once. */
	auto_free char *path = fmt_new("%s/group.lock", p->b->dir);
	if (sys_lock("one stage at a time makes its group", path, true, &lock) < 0)
		return -1;
	auto_json json_t *h = limits();
	if (box_check_limits(h) < 0)
		return -1;
	if (!groups_here()) {
		s->group = str_new("");
		return 0;
	}
	strlist_add(&l, "cg-create");
	box_limits(h, &l);
	s->group = fmt_new("%s/%u", p->b->group, s->number);
	strlist_add(&l, s->group);
	strlist_add(&l, NULL);
	int r = run_tool("a control group, with the limits of the build", l.v, NULL);
	free(l.v);
	return r;
}

static int
make_net(void *self)
{
	struct task *p = self;
	struct stage *s = p->s;
	struct network n;
	const char *mode = run_network(p);
	/* As it is: nobody removes it meanwhile. */
	auto_fd int lock = -1;
	if (network_lock(false, &lock) < 0 ||
		network_find(strcmp(mode, "default") == 0 ? "bridge" : mode, &n) < 0)
		return -1;
	auto_free char *name = fmt_new("%s-%u", p->b->net, s->number);
	int r = network_up(&n);
	if (r == 0)
		r = run_tool("a cable to the network",
			(const char *[]){"br-attach", n.bridge, name, NULL}, NULL);
	if (r == 0)
		s->net = take_ptr(&name);
	network_free(&n);
	return r == 0 ? rootless_way() : r;
}

/* An ordinary user's networks are in a place of their own, from which nothing leads back to the
 * host's: but a later RUN may ask for that. */
int
run_net(struct task *p)
{
	const char *mode = run_network(p);
	if (p->s->net || strcmp(mode, "none") == 0 || strcmp(mode, "host") == 0)
		return 0;
	return rootless_in_net(make_net, p);
}

/* One of the files of its own that a program finds below /etc. */
static int
add_etc(struct tree *t, const char *name, const struct buf *text, struct strlist *l)
{
	auto_free char *path = fmt_new("%s/%s", t->dir, name);
	auto_free char *place = fmt_new("/etc/%s", name);
	if (sys_write_new("what a program finds below /etc", path, buf_str(text), text->len, 0644) <
			0 ||
		tree_stub(t, place, false) < 0)
		return -1;
	strlist_add(l, "--bind");
	strlist_add(l, fmt_new("%s:%s:rprivate", path, place));
	return 0;
}

static void
hosts(struct buf *out)
{
	buf_adds(out, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	for (size_t i = 0; i < asked.hosts.n; i++) {
		const char *s = asked.hosts.v[i], *colon = s + strcspn(s, ":=");
		if (*colon)
			buf_addf(out, "%s\t%.*s\n", colon + 1, (int)(colon - s), s);
	}
}

int
run_etc(struct task *p, struct tree *t, struct strlist *l)
{
	auto_buf struct buf list = BUF_INIT, servers = BUF_INIT, name = BUF_INIT;
	hosts(&list);
	servers_read(strcmp(run_network(p), "host") == 0, &servers);
	buf_adds(&name, "build\n");
	return add_etc(t, "hosts", &list, l) < 0 || add_etc(t, "resolv.conf", &servers, l) < 0
		? -1
		: add_etc(t, "hostname", &name, l);
}
