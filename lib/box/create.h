/* SPDX-License-Identifier: MIT
 * Making a box: an image's config and Docker's options, merged as Docker does, become an OCI
 * bundle.
 */
#ifndef TACKLE_BOX_CREATE_H
#define TACKLE_BOX_CREATE_H

#include "base/opt.h"
#include "box/box.h"
#include "image/image.h"

#include <stdbool.h>

/* Words as they were given: box-run hands them on to box-create by the same table. */
struct box_options {
	const char *name, *entrypoint, *user, *workdir, *hostname, *network, *stop_signal;
	const char *memory, *cpus, *pids;
	struct strlist env, label, publish, volume, cap_add, cap_drop;
	bool tty, interactive, remove, read_only, privileged;
};

#define BOX_OPTIONS(o) \
	{0, "name", "NAME", opt_str, &(o).name, "its name (one is made up otherwise)", false}, \
		{0, "entrypoint", "PROGRAM", opt_str, &(o).entrypoint, \
			"run this, not the image's", false}, \
		{'e', "env", "NAME=VALUE", opt_list, &(o).env, "set a variable (repeatable)", \
			false}, \
		{'l', "label", "NAME=VALUE", opt_list, &(o).label, "a label (repeatable)", false}, \
		{'u', "user", "USER[:GROUP]", opt_str, &(o).user, "who runs it", false}, \
		{'w', "workdir", "DIR", opt_str, &(o).workdir, "where it starts", false}, \
		{0, "hostname", "NAME", opt_str, &(o).hostname, "its host name", false}, \
		{0, "network", "MODE", opt_str, &(o).network, "bridge, none or host", false}, \
		{'p', "publish", "PORTS", opt_list, &(o).publish, \
			"a port, as br-publish takes it (repeatable)", false}, \
		{'v', "volume", "SRC:DST[:ro]", opt_list, &(o).volume, \
			"show a directory of the host (repeatable)", false}, \
		{'m', "memory", "SIZE", opt_str, &(o).memory, "memory at most", false}, \
		{0, "cpus", "N", opt_str, &(o).cpus, "processor time at most", false}, \
		{0, "pids-limit", "N", opt_str, &(o).pids, "processes at most", false}, \
		{0, "cap-add", "CAP", opt_list, &(o).cap_add, "keep a capability", false}, \
		{0, "cap-drop", "CAP", opt_list, &(o).cap_drop, "drop a capability", false}, \
		{0, "privileged", NULL, opt_flag, &(o).privileged, \
			"all capabilities, nothing masked", false}, \
		{0, "read-only", NULL, opt_flag, &(o).read_only, "the root is read-only", false}, \
		{0, "stop-signal", "SIGNAL", opt_str, &(o).stop_signal, "what box-stop sends", \
			false}, \
		{'t', "tty", NULL, opt_flag, &(o).tty, "a terminal of its own", false}, \
		{'i', "interactive", NULL, opt_flag, &(o).interactive, "keep its input open", \
			false}, \
	{ \
		0, "rm", NULL, opt_flag, &(o).remove, "remove it when it has ended", false \
	}

/* Makes the box and reserves its name. command may be NULL. Returns 0, or -1 with `err` set:
 * conflict for a name that is taken, invalid when there is nothing to run. */
int box_create(const struct store *s, const char *image, const struct image *img,
	const struct box_options *o, char **command, struct box *b);

/* The two documents (box_config.c). New references, NULL with `err` set. */
json_t *box_config(const struct store *s, const struct image *img, const struct box_options *o,
	char **command, const struct box *b);
json_t *box_document(const char *image, const struct image *img, const struct box_options *o,
	const char *name, const json_t *config, const struct box *b);

#endif
