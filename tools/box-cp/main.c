/* SPDX-License-Identifier: MIT
 * box-cp: copies files between a box and the host.
 *
 *	box-cp web:/etc/passwd .
 *	tar -c conf | box-cp - web:/etc
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/event.h"
#include "box/layer.h"
#include "box/view.h"
#include "cp.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/tool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	bool archive, follow, keep_kinds, stat;
} o;

static const struct opt options[] = {
	{'a', "archive", NULL, opt_flag, &o.archive, "owners stay as they are", false},
	{'L', "follow-link", NULL, opt_flag, &o.follow, "what a symlink FROM leads to, not itself",
		false},
	{0, "no-overwrite-dir-non-dir", NULL, opt_flag, &o.keep_kinds,
		"what a tar has replaces no directory by something else, nor the other way round",
		false},
	{0, "stat", NULL, opt_flag, &o.stat,
		"copy nothing: print what BOX:PATH is, as the Docker Engine API has it (HEAD "
		"/containers/ID/archive)",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-cp",
	.kind = TOOL_ACTS,
	.usage = "[-aL] BOX:PATH PATH|-\n[-aL] PATH|- BOX:PATH\n--stat BOX:PATH",
	.summary = "Copies files from or to BOX; - is a tar on a standard stream.",
	.options = options,
	.example = "box-cp example:/etc/passwd passwd",
	.rights = RIGHTS_ROOT,
};

/* "BOX:PATH", unless it begins as a path does. */
static void
cut(char *text, struct place *p)
{
	char *colon = strchr(text, ':');
	*p = (struct place){.path = text, .dir = -1};
	if (*text == '/' || *text == '.' || !colon || colon == text)
		return;
	*colon = '\0';
	p->box = text;
	p->path = colon[1] ? colon + 1 : "/";
}

/* Where volumes are, other file systems begin: they belong to what is seen. */
static size_t
volume_devices(const json_t *doc, dev_t **out)
{
	json_t *list = json_object_get(doc, "Mounts"), *m;
	size_t n = 0, i;
	*out = calloc(json_array_size(list) + 1, sizeof(**out));
	if (!*out)
		abort();
	json_array_foreach(list, i, m)
	{
		struct stat sb;
		if (stat(box_text(m, "Source"), &sb) == 0)
			(*out)[n++] = sb.st_dev;
	}
	return n;
}

static void
tell_script(const struct pass *p, const struct view *v)
{
	auto_buf struct buf line = BUF_INIT;
	bool in = p->to.box != NULL;
	const char *here = in ? p->from.path : p->to.path, *there = in ? p->to.path : p->from.path;
	if (strcmp(here, "-") == 0)
		buf_addf(&line, in ? "tar -C %s%s -x" : "tar -c %s%s", tell_sh(v->shown),
			tell_sh(there));
	else if (in)
		buf_addf(&line, "cp -r %s %s%s", tell_sh(here), tell_sh(v->shown), tell_sh(there));
	else
		buf_addf(&line, "cp -r %s%s %s", tell_sh(v->shown), tell_sh(there), tell_sh(here));
	tell_line(line.s);
}

/* A box whose root is read-only is so for us too, but for its volumes. */
static int
may_write(const struct place *to, const json_t *doc, int root)
{
	struct stat sb, top;
	if (!box_flag(doc, "HostConfig.ReadonlyRootfs"))
		return 0;
	if (to->exists && S_ISDIR(to->sb.st_mode))
		sb = to->sb;
	else if (fstat(to->dir, &sb) < 0)
		return err_sys("fstat", to->path, "cannot look at %s", to->path);
	if (fstat(root, &top) == 0 && sb.st_dev != top.st_dev)
		return 0;
	return err_set(ERR_DENIED, to->path, "container rootfs is marked read-only");
}

static int
copy(struct pass *p, const json_t *doc, struct view *v)
{
	struct place *from = &p->from, *to = &p->to;
	auto_free dev_t *mounts = NULL;
	if (step_dry() || tell_on())
		tell_script(p, v);
	if (step_dry())
		return 0;
	p->n_mounts = volume_devices(doc, &mounts);
	p->mounts = mounts;
	p->user = v->user;
	if (strcmp(from->path, "-") != 0 &&
		place_find(from, from->box ? v->root : -1, o.follow) < 0)
		return -1;
	if (strcmp(to->path, "-") != 0 && place_find(to, to->box ? v->root : -1, true) < 0)
		return -1;
	if (to->box && may_write(to, doc, v->root) < 0)
		return -1;
	return pass_run(p);
}

static int
show_stat(struct pass *p, const struct box *b, const json_t *doc)
{
	auto_buf struct buf out = BUF_INIT;
	struct view v;
	int r = view_open(b, doc, true, &v);
	if (r == 0 && !step_dry())
		r = place_find(&p->from, v.root, o.follow) < 0 ? -1 : place_show(&p->from, &out);
	view_close(&v);
	if (r == 0 && out.len)
		tool_result("%s", out.s);
	return r;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct pass p = {.keep_owners = o.archive, .keep_kinds = o.keep_kinds, .user = -1};
	struct view v;
	struct box b;
	if (o.stat ? a.n != 1 : a.n != 2)
		tool_usage(o.stat	  ? "one BOX:PATH is needed"
				: a.n > 2 ? "more than two places"
					  : "from where, and to where?");
	cut(a.operand[0], &p.from);
	if (a.n == 2)
		cut(a.operand[1], &p.to);
	if (p.from.box && p.to.box)
		tool_usage("copying between containers is not supported");
	if (!p.from.box && !p.to.box)
		tool_usage("one of the two is to be BOX:PATH");
	if (!o.stat && strcmp(p.to.path, "-") == 0 && !step_dry() && isatty(STDOUT_FILENO))
		tool_usage("standard output is a terminal, and a tar would go there");
	if (box_find(p.from.box ? p.from.box : p.to.box, &b) < 0)
		tool_die();
	auto_json json_t *doc = box_read(&b, "box.json");
	if (o.stat) {
		if (!doc || show_stat(&p, &b, doc) < 0)
			tool_die();
		return tool_finish();
	}
	if (doc && p.to.box && box_layer_is_gone(&b, doc)) {
		err_set(ERR_CONFLICT, b.id,
			"Container %.12s is not running, and its layer is in memory: nothing would stay",
			b.id);
		tool_die();
	}
	if (!doc || view_open(&b, doc, true, &v) < 0 || copy(&p, doc, &v) < 0)
		tool_die();
	view_close(&v);
	if (!step_dry())
		event_box(doc, "copy", NULL);
	return tool_finish();
}
