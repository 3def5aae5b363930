/* SPDX-License-Identifier: MIT */
#include "box/stop.h"

#include "base/auto.h"
#include "base/err.h"
#include "box/event.h"
#include "box/policy.h"
#include "door/spawn.h"
#include "door/sys.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define A_MOMENT (10 * 1000000L)
#define STOP_TIMEOUT 10

/* Whether who sends this wants it to end for good. */
static bool
ends(const json_t *doc, int signal)
{
	const char *own = box_text(doc, "Config.StopSignal");
	return signal == SIGKILL || signal == (*own ? box_signal(own) : SIGTERM);
}

int
box_kill(const struct box *b, const json_t *doc, int signal)
{
	auto_fd int pidfd = -1;
	pid_t pid;
	char text[16];
	if (box_pid(b, true, &pid, &pidfd) < 0)
		return err_prefix("Cannot kill container: %.12s", b->id);
	if (ends(doc, signal) && policy_stop(b) < 0)
		return -1;
	if (sys_pidfd_kill("to its first process", pidfd, pid, signal) < 0)
		return -1;
	snprintf(text, sizeof(text), "%d", signal);
	auto_json json_t *more = json_pack("{s:s}", "signal", text);
	event_box(doc, "kill", more);
	return 0;
}

static int
thaw(const struct box *b, bool freeze)
{
	char group[96];
	box_group(b, group);
	return run_tool(freeze ? "all of its processes stand still" : "all of its processes go on",
		freeze ? (const char *[]){"cg-freeze", group, NULL}
		       : (const char *[]){"cg-freeze", "--thaw", group, NULL},
		NULL);
}

/* What is frozen takes no signal before it is thawed (cgroup v1); box-end of a program that was
 * quicker has nothing left to thaw. */
static int
send(const struct box *b, const json_t *doc, int signal, bool *ended)
{
	struct box_state st;
	box_state(b, &st);
	*ended = box_kill(b, doc, signal) < 0;
	if (*ended && err.class != ERR_CONFLICT)
		return -1;
	err_clear();
	if (!*ended && st.status == BOX_PAUSED && thaw(b, false) < 0)
		err_clear();
	return 0;
}

int
box_stop(const struct box *b, int signal, int64_t seconds)
{
	struct box_state st;
	bool ended = false;
	auto_json json_t *doc = box_read(b, "box.json");
	if (!doc)
		return -1;
	const json_t *own = box_value(doc, "Config.StopTimeout");
	const char *name = box_text(doc, "Config.StopSignal");
	if (policy_stop(b) < 0)
		return -1;
	/* One that is about to end has ended when this returns, and one that is about to begin is
	 * waited for. */
	for (box_state(b, &st); st.status != BOX_RUNNING && st.status != BOX_PAUSED;
		box_state(b, &st)) {
		int free = box_wait(b, st.busy ? A_MOMENT : 0);
		if (free != 0)
			return free < 0 ? -1 : 1;
	}
	if (seconds == -2)
		seconds = json_is_integer(own) ? json_integer_value(own) : STOP_TIMEOUT;
	if (!signal && (signal = *name ? box_signal(name) : SIGTERM) < 0)
		return -1;
	if (send(b, doc, signal, &ended) < 0)
		return -1;
	int gone = box_wait(b, seconds < 0 ? -1 : seconds * SECOND);
	if (gone == 0 && (send(b, doc, SIGKILL, &ended) < 0 || (gone = box_wait(b, -1)) < 0))
		return -1;
	event_box(doc, "stop", NULL);
	return gone < 0 ? -1 : 0;
}

int
box_freeze(const struct box *b, bool freeze)
{
	char path[PATH_MAX];
	struct box_state st;
	auto_json json_t *doc = box_read(b, "box.json");
	if (!doc)
		return -1;
	box_state(b, &st);
	if (st.status != BOX_RUNNING && st.status != BOX_PAUSED)
		return err_set(ERR_CONFLICT, b->id, "Container %s is not running", b->id);
	if (freeze == (st.status == BOX_PAUSED))
		return err_set(ERR_CONFLICT, b->id, "Container %s is %s paused", b->id,
			freeze ? "already" : "not");
	box_path(b, "paused", path);
	/* Said before it is so, and unsaid after it is over: who reads it never waits in vain. */
	if (freeze && sys_write_new("it is paused", path, "", 0, 0600) < 0)
		return -1;
	if (thaw(b, freeze) < 0) {
		struct err why = err;
		if (freeze)
			sys_unlink("it is not paused", path);
		err = why;
		return -1;
	}
	if (!freeze && sys_unlink("it is paused no more", path) < 0)
		return -1;
	event_box(doc, freeze ? "pause" : "unpause", NULL);
	return 0;
}
