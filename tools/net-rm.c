/* SPDX-License-Identifier: MIT
 * net-rm: removes networks.
 *
 *	net-rm back
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/network.h"
#include "door/tool.h"

static bool force;

static const struct opt options[] = {
	{'f', "force", NULL, opt_flag, &force, "one that is not there is fine", false},
	OPT_END,
};

static const struct tool me = {
	.name = "net-rm",
	.kind = TOOL_ACTS,
	.usage = "[-f] NETWORK...",
	.summary = "Removes networks that no running box is connected to, and prints their names.",
	.options = options,
	.example = "net-rm back",
	.rights = RIGHTS_ROOT,
};

static int
rm(const char *name, void *self)
{
	struct network n;
	(void)self;
	if (network_find(name, &n) < 0) {
		if (!force || err.class != ERR_NOT_FOUND)
			return -1;
		err_clear();
		return 0;
	}
	int r = network_remove(&n);
	if (r == 0)
		tool_result("%s", n.name);
	network_free(&n);
	return r;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_fd int lock = -1;
	if (!a.n)
		tool_usage("no NETWORK given");
	if (network_lock(true, &lock) < 0)
		tool_die();
	return tool_each(&a, "NETWORK", rm, NULL);
}
