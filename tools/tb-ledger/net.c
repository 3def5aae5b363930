/* SPDX-License-Identifier: MIT
 * Network: named namespaces, links, packet rules, leases. Of the network namespace that the
 * process is in.
 */
#include "ledger.h"

#include "base/err.h"
#include "base/file.h"
#include "door/state.h"
#include "door/sys.h"
#include "mech/lease.h"
#include "mech/net_link.h"
#include "mech/net_nft.h"
#include "mech/netns.h"

#include <net/if.h>
#include <string.h>

struct walk {
	struct ledger *l;
	const struct kind *k;
};

static int
add_netns(void *self, const char *kind, const char *object, const char *path)
{
	const struct walk *w = self;
	(void)path;
	if (strcmp(kind, "netns") == 0 && file_exists(object))
		ledger_add(w->l, w->k, object, "a network namespace by name");
	return 0;
}

int
list_netns(struct ledger *l, const struct kind *k)
{
	struct walk w = {l, k};
	return state_each_note(add_netns, &w);
}

int
clean_netns(const struct item *i, bool force)
{
	(void)force;
	return netns_remove(i->name);
}

/* The alias tells what the link is for: "tacklebox:10.1.0.1/24". The kernel is asked, and not
 * /sys/class/net, which may be of another network namespace than ours. */
int
list_links(struct ledger *l, const struct kind *k)
{
	struct net *n = ledger_is_root() ? net_open() : NULL;
	struct if_nameindex *all = n ? if_nameindex() : NULL;
	for (const struct if_nameindex *i = all; i && i->if_name; i++) {
		struct net_link_info info;
		if (net_link_get(n, i->if_name, &info) == 0 &&
			strncmp(info.alias, MARK ":", sizeof(MARK)) == 0)
			ledger_add(l, k, i->if_name, "%s", info.alias + sizeof(MARK));
	}
	if (all)
		if_freenameindex(all);
	if (n)
		net_close(n);
	err_clear(); /* of those gone in between; no netlink, no links of ours */
	return 0;
}

int
clean_link(const struct item *i, bool force)
{
	(void)force;
	struct net *n = net_open();
	if (!n)
		return -1;
	int r = net_link_discard(n, "a link of ours", i->name);
	net_close(n);
	return r;
}

/* "table inet tacklebox-web", a line each: a table has nothing but its name to bear a mark. */
int
list_tables(struct ledger *l, const struct kind *k)
{
	auto_buf struct buf text = BUF_INIT;
	char *save = NULL;
	if (!ledger_is_root() || nft_ask("list tables", &text) < 0) {
		err_clear(); /* no nftables, or not ours to ask */
		return 0;
	}
	for (char *line = strtok_r(text.s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *name = strrchr(line, ' ');
		if (strncmp(line, "table ", 6) == 0 && name &&
			strncmp(name + 1, MARK, sizeof(MARK) - 1) == 0)
			ledger_add(l, k, line + 6, "packet rules");
	}
	return 0;
}

int
clean_table(const struct item *i, bool force)
{
	auto_buf struct buf script = BUF_INIT;
	(void)force;
	buf_addf(&script, "delete table %s\n", i->name);
	return nft_change("packet rules of ours", i->name, script.s);
}

static int
add_lease(struct lease *lease, void *arg)
{
	const struct walk *w = arg;
	ledger_add(w->l, w->k, lease->path, "address of %s", lease->netns);
	return 0;
}

int
list_leases(struct ledger *l, const struct kind *k)
{
	struct walk w = {l, k};
	return lease_each(NULL, add_lease, &w);
}

int
clean_lease(const struct item *i, bool force)
{
	(void)force;
	return file_exists(i->name) ? sys_unlink("an address is free again", i->name) : 0;
}
