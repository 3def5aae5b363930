/* SPDX-License-Identifier: MIT
 * ufs-mount DIR LAYER...: shows several directories as one.
 *
 * The kernel's overlay looks a name up in the layers from the top down, and writes only to one
 * directory of its own, the upper one. A layer is never changed, so a thousand containers can share
 * it.
 *
 *	img-layers alpine | ufs-mount -u up -w wk root
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/tool.h"
#include "mech/overlay.h"

#include <string.h>
#include <unistd.h>

static struct {
	const char *upper, *work;
	bool ro, copy, umount, lazy;
	struct ct_id_maps uid_map, gid_map;
} opts;

static const struct opt options[] = {
	{'u', "upper", "UPPER", opt_str, &opts.upper,
		"directory that takes what is written; made if missing", false},
	{'w', "work", "WORK", opt_str, &opts.work,
		"empty directory for the kernel, on the same file system; made if missing", false},
	{0, "ro", NULL, opt_flag, &opts.ro, "nothing can be written (so it is without -u)", false},
	{0, "copy", NULL, opt_flag, &opts.copy, "copy the layers, where overlay cannot be", false},
	{0, "uid-map", "IN:OUT:COUNT", ct_opt_map, &opts.uid_map,
		"for a user namespace: user ids on the disk, and what they are in DIR (repeatable)",
		false},
	{0, "gid-map", "IN:OUT:COUNT", ct_opt_map, &opts.gid_map, "the same for groups", false},
	{0, "umount", NULL, opt_flag, &opts.umount, "take DIR away again", false},
	{0, "lazy", NULL, opt_flag, &opts.lazy, "with --umount: even if something uses it", false},
	OPT_END,
};

static const struct tool me = {
	.name = "ufs-mount",
	.kind = TOOL_ACTS,
	.usage = "[-u UPPER -w WORK | --ro | --copy] DIR [LAYER]...\n"
		 "--umount [--lazy | --copy] DIR",
	.summary =
		"Joins layers, bottom first, to one tree at DIR, and prints DIR. Without a LAYER their names\n"
		"are read from standard input, one a line.",
	.options = options,
	.example = "mkdir base app; ufs-mount -u up -w wk root base app",
};

/* The names on standard input; blank lines do not count. */
static void
read_layers(struct strlist *layers)
{
	auto_free char *line = NULL;
	size_t size = 0;
	ssize_t n;
	if (isatty(STDIN_FILENO))
		tool_usage("no LAYER given, and standard input is a terminal");
	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (n > 0)
			strlist_add(layers, str_new(line));
	}
	if (ferror(stdin)) {
		err_sys("read", "stdin", "cannot read the names of the layers");
		tool_die();
	}
}

static void
check_options(const struct args *a)
{
	if (a->n == 0)
		tool_usage("DIR is missing");
	if (opts.umount) {
		if (a->n > 1)
			tool_usage("--umount takes one DIR");
		if (opts.upper || opts.work || opts.ro || opts.uid_map.n || opts.gid_map.n ||
			(opts.lazy && opts.copy))
			tool_usage("--umount goes only with --lazy or --copy");
		return;
	}
	if (opts.lazy)
		tool_usage("--lazy goes with --umount");
	if (opts.copy && (opts.upper || opts.work || opts.ro))
		tool_usage("a copy has no UPPER, and can be written to");
	if (opts.ro && opts.upper)
		tool_usage("--ro and -u exclude each other");
	if (!opts.upper != !opts.work)
		tool_usage("-u UPPER and -w WORK go together");
	if (!opts.uid_map.n != !opts.gid_map.n || (opts.uid_map.n && !opts.upper))
		tool_usage("--uid-map, --gid-map and -u UPPER go together");
}

static int
take_away(const char *dir)
{
	return opts.copy ? overlay_remove_copy(dir) : overlay_umount(dir, opts.lazy);
}

static int
join(const char *dir, char *const *operands)
{
	char lost[256] = "";
	struct strlist layers = {0};
	for (; *operands; operands++)
		strlist_add(&layers, *operands);
	if (layers.n == 0)
		read_layers(&layers);
	struct overlay o = {.dir = dir,
		.upper = opts.upper,
		.work = opts.work,
		.layers = layers.v,
		.n = layers.n,
		.uid_map = opts.uid_map,
		.gid_map = opts.gid_map};
	if (!opts.copy)
		return overlay_mount(&o);
	if (overlay_copy(&o, lost) < 0)
		return -1;
	if (lost[0])
		tool_warn("%s", lost);
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	const char *dir = a.operand[0];
	check_options(&a);
	if ((opts.umount ? take_away(dir) : join(dir, a.operand + 1)) < 0)
		tool_die();
	if (!opts.umount)
		tool_result("%s", dir);
	return tool_finish();
}
