/* SPDX-License-Identifier: MIT
 * The bridge of a network.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "box/box.h"
#include "box/network.h"
#include "door/spawn.h"
#include "door/state.h"
#include "door/sys.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The command line of br-setup; what an option of the document asks for, too. */
static void
bridge_words(const struct network *n, struct strlist *l)
{
	const json_t *options = json_object_get(n->doc, "Options");
	const char *mtu = network_option(options, NETWORK_MTU);
	json_t *c;
	size_t i;
	strlist_add(l, "br-setup");
	json_array_foreach(box_value(n->doc, "IPAM.Config"), i, c)
	{
		const char *prefix = strchr(box_text(c, "Subnet"), '/');
		strlist_add(l, "--subnet");
		strlist_add(l, fmt_new("%s%s", box_text(c, "Gateway"), prefix ? prefix : ""));
	}
	if (n->internal)
		strlist_add(l, "--internal");
	if (strcmp(network_option(options, NETWORK_ICC), "false") == 0)
		strlist_add(l, "--no-icc");
	if (*mtu) {
		strlist_add(l, "--mtu");
		strlist_add(l, mtu);
	}
	strlist_add(l, n->bridge);
	strlist_add(l, NULL);
}

int
network_up(const struct network *n)
{
	char path[PATH_MAX];
	auto_fd int lock = -1;
	struct strlist l = {0};
	if (state_keep_run("the place of what runs", 0711, path) < 0)
		return -1;
	/* Of many who want it first, one makes it. The others wait until it is done with all of it,
	 * for the link is there before its address and its rules are. */
	if (state_run_path(path, "bridge.lock") < 0 ||
		sys_lock("one makes the bridge, the others wait", path, true, &lock) < 0)
		return -1;
	if (if_nametoindex(n->bridge))
		return 0;
	bridge_words(n, &l);
	int r = run_tool(
		n->own ? "the bridge of the network" : "the bridge of all boxes, once", l.v, NULL);
	free(l.v);
	return r;
}
