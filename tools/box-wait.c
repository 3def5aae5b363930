/* SPDX-License-Identifier: MIT
 * box-wait: waits until boxes have ended.
 *
 *	box-wait web
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "box/attach.h"
#include "door/tool.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

static const char *condition = "not-running";

static const struct opt options[] = {
	{0, "condition", "WHICH", opt_str, &condition,
		"not-running, next-exit, or removed (not-running)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-wait",
	.kind = TOOL_ACTS,
	.usage = "[--condition WHICH] BOX...",
	.summary = "Waits until each BOX has ended, and prints its exit status.",
	.options = options,
	.example = "box-wait example",
};

/* What box-mon says when the program ends; the file says it too, but goes with a box of --rm. */
static int
status_of(const struct box *b, int sock)
{
	struct box_state st;
	int status = attach_status(sock);
	close(sock);
	if (status != 255)
		return status;
	box_state(b, &st);
	return st.status == BOX_EXITED ? st.exit : status;
}

static int
next_exit(const struct box *b, struct attach_wait *w, int *status)
{
	int sock, r = attach_connect(b, &sock);
	if (r == 0)
		r = attach_wait_take(w, &sock);
	if (r < 0)
		return -1;
	*status = status_of(b, sock);
	return 0;
}

static int
not_running(const struct box *b, int *status)
{
	struct box_state st;
	int sock, r = attach_connect(b, &sock);
	if (r < 0)
		return -1;
	if (r > 0) {
		*status = status_of(b, sock);
		return box_wait(b, -1) < 0 ? -1 : 0;
	}
	/* It is on its way to the end, or there was none. */
	if (box_wait(b, -1) < 0)
		return -1;
	box_state(b, &st);
	*status = st.exit;
	return 0;
}

static int
wait_for(const char *name, void *self)
{
	struct attach_wait w = {.listener = -1};
	struct box b;
	bool next = strcmp(condition, "next-exit") == 0, gone = strcmp(condition, "removed") == 0;
	if (box_find(name, &b) < 0 || (next && attach_wait_begin(&b, &w) < 0))
		return -1;
	int status = 0;
	int r = next ? next_exit(&b, &w, &status) : not_running(&b, &status);
	(void)self;
	attach_wait_end(&w);
	while (r == 0 && gone && dir_exists(b.dir))
		poll(NULL, 0, 20);
	if (r == 0)
		tool_result("%d", status);
	return r;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (strcmp(condition, "not-running") != 0 && strcmp(condition, "next-exit") != 0 &&
		strcmp(condition, "removed") != 0)
		tool_usage("--condition %s: not-running, next-exit or removed", condition);
	return tool_each(&a, "BOX", wait_for, NULL);
}
