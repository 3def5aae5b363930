/* SPDX-License-Identifier: MIT
 * What the command line of ns-exec says, before it becomes a struct ct.
 */
#ifndef NS_EXEC_OPTIONS_H
#define NS_EXEC_OPTIONS_H

#include "base/opt.h"
#include "mech/ct.h"

struct settings {
	struct ct ct;
	bool all;
	const char *chroot;
	bool no_proc, no_dev, no_sys, no_masks, no_lo, dev_nodes;
	int64_t shm_size;
	struct ct_confine confine;
	const char *bundle;
};

/* The table's targets point into this one. */
extern struct settings settings;
extern const struct opt ns_exec_options[];

/* From settings to the whole struct: what --root, --all, --privileged and Docker's defaults mean.
 * Returns 0, or -1 with `err` set. */
int settings_complete(struct settings *s);
/* --bundle DIR: companion oci-args turns its config.json into words of this same command line;
 * those stand before the words given by hand, which win. Returns 0, or -1 with `err` set. */
int settings_from_bundle(const struct tool *t, int argc, char **argv, struct args *a);

#endif
