/* SPDX-License-Identifier: MIT */
#include "box/policy.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "door/sys.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)
#define FIRST_PAUSE (SECOND / 10)
#define LAST_PAUSE (60 * SECOND)
#define LONG_RUN (10 * SECOND)

int
policy_stop(const struct box *b)
{
	char path[PATH_MAX];
	box_path(b, "stopped", path);
	if (sys_write_new("it is not started again", path, "", 0, 0600) == 0)
		return 0;
	/* One that has removed itself meanwhile (--rm) is not started either. */
	if (err.no != ENOENT)
		return -1;
	err_clear();
	return 0;
}

bool
policy_is_stopped(const struct box *b)
{
	return box_has_file(b, "stopped");
}

int64_t
policy_restarts(const struct box *b, int64_t *pause)
{
	char path[PATH_MAX], line[64];
	int64_t n = 0, last = 0;
	box_path(b, "restarts", path);
	if (file_read_line(path, line, sizeof(line)) < 0 ||
		sscanf(line, "%" SCNd64 " %" SCNd64, &n, &last) != 2)
		n = last = 0;
	if (pause)
		*pause = last;
	return n;
}

int
policy_check(const json_t *policy)
{
	static const char *const names[] = {"", "no", "always", "unless-stopped", "on-failure"};
	const char *name = box_text(policy, "Name");
	json_int_t n = json_integer_value(json_object_get(policy, "MaximumRetryCount"));
	size_t i = 0;
	while (i < 5 && strcmp(names[i], name) != 0)
		i++;
	if (i == 5)
		return err_set(ERR_INVALID, name, "invalid restart policy '%s'", name);
	if (n < 0 || (n > 0 && i != 4))
		return err_set(ERR_INVALID, name,
			"maximum retry count cannot be used with restart policy '%s'", name);
	return 0;
}

static bool
is(const json_t *doc, const char *policy)
{
	return strcmp(box_text(doc, "HostConfig.RestartPolicy.Name"), policy) == 0;
}

bool
policy_wants(const struct box *b, const json_t *doc)
{
	struct box_state st;
	json_int_t most =
		json_integer_value(box_value(doc, "HostConfig.RestartPolicy.MaximumRetryCount"));
	box_state(b, &st);
	if (!st.started || policy_is_stopped(b))
		return false;
	if (is(doc, "on-failure"))
		return st.exit != 0 && (most == 0 || policy_restarts(b, NULL) < most);
	return is(doc, "always") || is(doc, "unless-stopped");
}

bool
policy_wants_at_boot(const struct box *b, const json_t *doc)
{
	struct box_state st;
	box_state(b, &st);
	if (st.busy || !st.started)
		return false;
	return is(doc, "always") || policy_wants(b, doc);
}

static int64_t
next_pause(const struct box *b)
{
	struct box_state st;
	int64_t last;
	policy_restarts(b, &last);
	box_state(b, &st);
	if (!last || st.finished - st.started >= LONG_RUN)
		return FIRST_PAUSE;
	return 2 * last < LAST_PAUSE ? 2 * last : LAST_PAUSE;
}

/* True when it has passed, false when somebody wants the box to end. */
static bool
wait_for(const struct box *b, int64_t pause)
{
	char events[4096];
	auto_fd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int64_t end = clock_ns(CLOCK_MONOTONIC) + pause, left;
	inotify_add_watch(watch, b->dir, IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF);
	while (!policy_is_stopped(b) && (left = end - clock_ns(CLOCK_MONOTONIC)) > 0) {
		struct pollfd p = {.fd = watch, .events = POLLIN};
		poll(&p, 1, (int)(left / 1000000 + 1));
		while (read(watch, events, sizeof(events)) > 0)
			;
	}
	return !policy_is_stopped(b);
}

int
policy_wait(const struct box *b)
{
	char path[PATH_MAX], text[64];
	int64_t pause = next_pause(b), n = policy_restarts(b, NULL);
	box_path(b, "restarting", path);
	if (sys_write_new("it waits to run again", path, "", 0, 0600) < 0)
		return -1;
	bool passed = wait_for(b, pause);
	if (sys_unlink("the pause is over", path) < 0)
		return -1;
	auto_json json_t *doc = box_read_if(b, "box.json");
	if (!passed || !doc || !policy_wants(b, doc))
		return 0;
	box_path(b, "restarts", path);
	snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 "\n", n + 1, pause);
	return sys_replace("how often, and after which pause", path, text, strlen(text), 0600) < 0
		? -1
		: 1;
}

int
policy_forget(const struct box *b)
{
	static const char *const files[] = {"stopped", "restarts"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		box_path(b, files[i], path);
		if (file_exists(path) && sys_unlink("somebody starts it", path) < 0)
			return -1;
	}
	return 0;
}
