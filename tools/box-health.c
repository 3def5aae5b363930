/* SPDX-License-Identifier: MIT
 * box-health: runs the health check of a box, again and again, as long as the box runs.
 *
 * A check is a program that box-exec runs in the box; its exit status is the answer. What came of
 * the last ones stands in the box's health.json, in the words of the Docker Engine API.
 *
 *	box-health web
 */
#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/human.h"
#include "box/event.h"
#include "door/channel.h"
#include "door/spawn.h"
#include "door/sys.h"
#include "door/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)
#define OUTPUT_MAX 4096
#define LOG_MAX 5

static const struct opt options[] = {
	OPT_END,
};

static const struct tool me = {
	.name = "box-health",
	.kind = TOOL_SERVES,
	.usage = "BOX",
	.summary = "Runs the health check of BOX again and again, until it ends.",
	.options = options,
	.example = "box-health example",
	.rights = RIGHTS_ROOT,
};

struct health {
	struct box b;
	json_t *box, *check; /* box.json, and Config.Healthcheck in it */
	int pidfd; /* of its first process */
	int64_t interval, timeout, start_period, began;
	json_int_t retries, streak;
	const char *status;
	json_t *log;
};

struct answer {
	int64_t start, end;
	int status; /* -1: it took too long */
	struct buf output;
};

static int64_t
number(const json_t *check, const char *key, int64_t otherwise)
{
	json_int_t n = json_integer_value(json_object_get(check, key));
	return n > 0 ? n : otherwise;
}

/* ---- one check ---- */

/* "CMD" is followed by the words of a command, "CMD-SHELL" by a line for the shell. */
static void
words_of(const struct health *h, struct strlist *l)
{
	const json_t *test = json_object_get(h->check, "Test");
	json_t *word;
	size_t i;
	strlist_add(l, "box-exec");
	strlist_add(l, h->b.id);
	if (strcmp(json_string_value(json_array_get(test, 0)), "CMD-SHELL") == 0) {
		const json_t *shell = box_value(h->box, "Config.Shell");
		json_array_foreach(shell, i, word) strlist_add(l, json_string_value(word));
		if (!json_array_size(shell)) {
			strlist_add(l, "/bin/sh");
			strlist_add(l, "-c");
		}
	}
	json_array_foreach(test, i, word) if (i > 0) strlist_add(l, json_string_value(word));
	strlist_add(l, NULL);
}

/* All that it writes is read, or it would wait for us; little is kept, and one that writes without
 * end does not keep us busy. False at the end, or when there is nothing now. */
static bool
read_some(int fd, struct buf *out)
{
	char data[4096];
	size_t room = OUTPUT_MAX - out->len;
	if (!room)
		poll(NULL, 0, 1);
	ssize_t n = read(fd, data, sizeof(data));
	if (n > 0)
		buf_add(out, data, (size_t)n < room ? (size_t)n : room);
	return n > 0;
}

static void
too_long(const struct health *h, struct answer *a, pid_t pid)
{
	pid_t group = -pid;
	a->status = -1;
	buf_reset(&a->output);
	buf_addf(&a->output, "Health check exceeded timeout (%lldms)",
		(long long)(h->timeout / 1000000));
	if (sys_kill("it took too long", &group, 1, SIGKILL) < 0)
		err_clear();
}

/* Until it has ended, or its time has passed. Somebody that it leaves behind may hold its output
 * open: that is nothing to wait for. */
static void
listen_to(const struct health *h, struct answer *a, pid_t pid, int fd)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + h->timeout, left;
	auto_fd int ended = pidfd_open(pid, 0);
	struct pollfd p[] = {{ended, POLLIN, 0}, {fd, POLLIN, 0}};
	while ((left = end - clock_ns(CLOCK_MONOTONIC)) > 0) {
		int n = poll(p, 2, (int)(left / 1000000 + 1));
		if (n > 0 && p[1].revents && !read_some(fd, &a->output))
			p[1].fd = -1;
		else if (n > 0 && p[0].revents && !p[1].revents)
			return;
	}
	too_long(h, a, pid);
}

static int
ask(const struct health *h, struct answer *a)
{
	struct strlist l = {0};
	int ends[2], status = 0;
	words_of(h, &l);
	if (pipe_pair(ends) < 0)
		return -1;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	const struct run r = {.argv = (char *const *)(uintptr_t)l.v,
		.fd = {-1, ends[1], ends[1]},
		.status_fd = -1,
		.session = true,
		.tied = true};
	a->start = clock_ns(CLOCK_REALTIME);
	pid_t pid = run_start("is it well?", &r);
	close(ends[1]);
	if (pid > 0) {
		listen_to(h, a, pid, ends[0]);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (a->status == 0)
			a->status = WIFEXITED(status) ? WEXITSTATUS(status)
						      : EXIT_SIGNAL_BASE + WTERMSIG(status);
	}
	close(ends[0]);
	a->end = clock_ns(CLOCK_REALTIME);
	return pid < 0 ? -1 : 0;
}

/* ---- what came of it ---- */

static int
save(const struct health *h)
{
	auto_json json_t *doc = json_pack(
		"{s:s,s:I,s:O}", "Status", h->status, "FailingStreak", h->streak, "Log", h->log);
	return box_write_compact(&h->b, "health.json", "how it is", doc);
}

/* Failures in the first while do not count, as long as it was never well. */
static void
judge(struct health *h, const struct answer *a)
{
	const char *before = h->status;
	bool early = strcmp(h->status, "starting") == 0 && a->start - h->began < h->start_period;
	if (a->status == 0) {
		h->streak = 0;
		h->status = "healthy";
	} else if (!early && ++h->streak >= h->retries) {
		h->status = "unhealthy";
	}
	if (strcmp(before, h->status) != 0)
		event_box(h->box,
			strcmp(h->status, "healthy") == 0 ? "health_status: healthy"
							  : "health_status: unhealthy",
			NULL);
}

static void
note(struct health *h, const struct answer *a)
{
	char start[TIME_TEXT], end[TIME_TEXT];
	auto_buf struct buf text = BUF_INIT;
	buf_add_json_bytes(&text, buf_str(&a->output), a->output.len);
	json_t *output = json_loadb(text.s, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	json_array_append_new(h->log,
		json_pack("{s:s,s:s,s:i,s:o}", "Start", time_rfc3339_ns(a->start, start), "End",
			time_rfc3339_ns(a->end, end), "ExitCode", a->status, "Output",
			output ? output : json_string("")));
	if (json_array_size(h->log) > LOG_MAX)
		json_array_remove(h->log, 0);
}

/* ---- again and again ---- */

/* False when the box has ended. */
static bool
wait_for(const struct health *h)
{
	struct pollfd p = {.fd = h->pidfd, .events = POLLIN};
	int64_t end = clock_ns(CLOCK_MONOTONIC) + h->interval, left;
	int n = 0;
	while (n <= 0 && (left = end - clock_ns(CLOCK_MONOTONIC)) > 0) {
		int64_t ms = left / 1000000 + 1;
		n = poll(&p, 1, ms > 3600000 ? 3600000 : (int)ms);
	}
	return n <= 0;
}

static int
serve(struct health *h)
{
	if (save(h) < 0)
		return -1;
	while (wait_for(h)) {
		struct answer a = {.output = BUF_INIT};
		struct box_state st;
		box_state(&h->b, &st);
		/* What stands still does not answer. */
		if (st.status == BOX_PAUSED)
			continue;
		int r = ask(h, &a);
		/* One that has ended meanwhile was not asked. */
		if (r == 0 && poll(&(struct pollfd){h->pidfd, POLLIN, 0}, 1, 0) == 0) {
			note(h, &a);
			judge(h, &a);
			r = save(h);
		}
		buf_free(&a.output);
		if (r < 0)
			return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct health h = {.pidfd = -1, .status = "starting", .log = json_array()};
	pid_t pid;
	if (a.n != 1)
		tool_usage(a.n ? "more than one BOX" : "no BOX given");
	if (box_find(a.operand[0], &h.b) < 0 || !(h.box = box_read(&h.b, "box.json")))
		tool_die();
	h.check = box_value(h.box, "Config.Healthcheck");
	if (!box_has_check(h.box)) {
		err_set(ERR_INVALID, h.b.id, "box %.12s has no health check", h.b.id);
		tool_die();
	}
	h.interval = number(h.check, "Interval", 30 * SECOND);
	h.timeout = number(h.check, "Timeout", 30 * SECOND);
	h.start_period = number(h.check, "StartPeriod", 0);
	h.retries = number(h.check, "Retries", 3);
	h.began = clock_ns(CLOCK_REALTIME);
	if (box_pid(&h.b, true, &pid, &h.pidfd) < 0 || serve(&h) < 0)
		tool_die();
	return tool_finish();
}
