/* SPDX-License-Identifier: MIT */
#include "box/stats.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/human.h"
#include "base/parse.h"
#include "box/pids.h"
#include "door/rootless.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static int64_t
known(int64_t n)
{
	return n > 0 ? n : 0;
}

/* The first line of /proc/stat is the sum of all processors, in ticks: user, nice, system, idle,
 * iowait, irq, softirq, steal (proc(5)). Guests are part of user. */
static int64_t
system_time(void)
{
	char line[256];
	int64_t sum = 0;
	if (file_read_line("/proc/stat", line, sizeof(line)) < 0) {
		err_clear();
		return 0;
	}
	char *p = line + strcspn(line, " ");
	for (int i = 0; i < 8; i++)
		sum += strtoll(p, &p, 10);
	return sum * (1000000000 / sysconf(_SC_CLK_TCK));
}

/* A line of /proc/PID/net/dev: "eth0: BYTES PACKETS ERRS DROP fifo frame compressed multicast BYTES
 * PACKETS ERRS DROP …". */
static void
add_link(struct stats_look *s, char *line)
{
	static const char *const names[] = {"rx_bytes", "rx_packets", "rx_errors", "rx_dropped",
		NULL, NULL, NULL, NULL, "tx_bytes", "tx_packets", "tx_errors", "tx_dropped"};
	char *name = line + strspn(line, " "), *colon = strchr(name, ':');
	if (!colon)
		return;
	*colon = '\0';
	if (strcmp(name, "lo") == 0)
		return;
	json_t *link = s->networks ? json_object() : NULL;
	char *p = colon + 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int64_t n = strtoll(p, &p, 10);
		if (link && names[i])
			json_object_set_new(link, names[i], json_integer(n));
		s->received += i == 0 ? n : 0;
		s->sent += i == 8 ? n : 0;
	}
	if (link)
		json_object_set_new(s->networks, name, link);
}

static void
take_networks(struct stats_look *s, const json_t *doc, pid_t pid, bool each)
{
	char path[64], *save, *line;
	auto_buf struct buf text = BUF_INIT;
	const char *mode = box_text(doc, "HostConfig.NetworkMode");
	/* That of the host, or of another box, is not its own. */
	if (strcmp(mode, "host") == 0 || strncmp(mode, "container:", 10) == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/net/dev", pid);
	if (file_read(path, 1 << 16, &text) < 0) {
		err_clear();
		return;
	}
	s->networks = each ? json_object() : NULL;
	for (line = strtok_r(text.s, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strchr(line, '|'))
			add_link(s, line);
}

void
stats_host(struct stats_host *h)
{
	struct sysinfo info;
	h->system = system_time();
	h->processors = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	h->memory = sysinfo(&info) == 0 ? (int64_t)info.totalram * info.mem_unit : 0;
}

static bool
without_group(const struct box *b, const struct box_state *st, struct stats_look *s)
{
	auto_pids struct cg_pids pids = {0};
	if (!rootless_here() || box_pids(b, st->pid, &pids) < 0)
		return false;
	box_pids_stat(&pids, &s->g);
	return true;
}

/* One that was started again has a new group of the same name. */
static bool
look_at_group(struct stats *s, const struct box_state *st)
{
	char name[96];
	if (s->group && cg_look(s->group, &s->now.g))
		return true;
	stats_close(s);
	box_group(&s->b, name);
	s->group = cg_watch(name, s->depth);
	return (s->group && cg_look(s->group, &s->now.g)) || without_group(&s->b, st, &s->now);
}

void
stats_take(struct stats *s, const struct box_state *st, const struct stats_host *h)
{
	struct err before = err;
	json_decref(s->before.networks);
	s->before = s->now;
	s->now = (struct stats_look){.when = clock_ns(CLOCK_REALTIME)};
	s->now.runs =
		(st->status == BOX_RUNNING || st->status == BOX_PAUSED) && look_at_group(s, st);
	if (s->now.runs) {
		s->now.host = *h;
		take_networks(&s->now, s->doc, st->pid, s->depth > CG_FEW);
	}
	err = before;
}

void
stats_close(struct stats *s)
{
	cg_watch_free(s->group);
	s->group = NULL;
}

void
stats_free(struct stats *s)
{
	json_decref(s->doc);
	json_decref(s->before.networks);
	json_decref(s->now.networks);
	stats_close(s);
	*s = (struct stats){0};
}

double
stats_cpu(const struct stats_look *before, const struct stats_look *now)
{
	int64_t used = (known(now->g.cpu_usec) - known(before->g.cpu_usec)) * 1000;
	int64_t all = now->host.system - before->host.system;
	if (!before->runs || !now->runs || used <= 0 || all <= 0)
		return 0;
	return (double)used / (double)all * now->host.processors * 100;
}

int64_t
stats_memory(const struct stats_look *s)
{
	int64_t used = known(s->g.memory), idle = known(s->g.memory_inactive);
	return used > idle ? used - idle : used;
}

int64_t
stats_memory_limit(const struct stats_look *s)
{
	int64_t limit = s->g.memory_limit;
	return limit > 0 && limit != CG_MAX && limit < s->host.memory ? limit : s->host.memory;
}

static json_t *
cpu(const struct stats_look *s)
{
	return json_pack("{s:{s:I,s:I,s:I},s:I,s:I,s:{s:I,s:I,s:I}}", "cpu_usage", "total_usage",
		(json_int_t)known(s->g.cpu_usec) * 1000, "usage_in_kernelmode",
		(json_int_t)known(s->g.system_usec) * 1000, "usage_in_usermode",
		(json_int_t)known(s->g.user_usec) * 1000, "system_cpu_usage",
		(json_int_t)s->host.system, "online_cpus", (json_int_t)s->host.processors,
		"throttling_data", "periods", (json_int_t)known(s->g.periods), "throttled_periods",
		(json_int_t)known(s->g.throttled), "throttled_time",
		(json_int_t)known(s->g.throttled_usec) * 1000);
}

static json_t *
memory(const struct stats_look *s)
{
	if (!s->runs)
		return json_object();
	/* The client takes the first on v1, the second on v2. */
	json_int_t idle = known(s->g.memory_inactive);
	return json_pack("{s:I,s:I,s:I,s:{s:I,s:I}}", "usage", (json_int_t)known(s->g.memory),
		"max_usage", (json_int_t)known(s->g.memory_peak), "limit",
		(json_int_t)stats_memory_limit(s), "stats", "total_inactive_file", idle,
		"inactive_file", idle);
}

static json_t *
blocks(const struct stats_look *s)
{
	if (!s->runs)
		return json_pack(
			"{s:n,s:n}", "io_service_bytes_recursive", "io_serviced_recursive");
	return json_pack("{s:[{s:i,s:i,s:s,s:I},{s:i,s:i,s:s,s:I}],s:[{s:i,s:i,s:s,s:I},{s:i,s:i,s:"
			 "s,s:I}]}",
		"io_service_bytes_recursive", "major", 0, "minor", 0, "op", "Read", "value",
		(json_int_t)known(s->g.read_bytes), "major", 0, "minor", 0, "op", "Write", "value",
		(json_int_t)known(s->g.write_bytes), "io_serviced_recursive", "major", 0, "minor",
		0, "op", "Read", "value", (json_int_t)known(s->g.reads), "major", 0, "minor", 0,
		"op", "Write", "value", (json_int_t)known(s->g.writes));
}

json_t *
stats_document(const struct stats *s)
{
	const struct stats_look *before = &s->before, *now = &s->now;
	char read[TIME_TEXT], preread[TIME_TEXT];
	auto_free char *name = fmt_new("/%s", box_text(s->doc, "Name"));
	json_t *pids = now->runs
		? json_pack("{s:I,s:I}", "current", (json_int_t)known(now->g.pids), "limit",
			  (json_int_t)known(now->g.pids_limit == CG_MAX ? 0 : now->g.pids_limit))
		: json_object();
	time_rfc3339_ns(now->runs ? now->when : 0, read);
	time_rfc3339_ns(before->runs ? before->when : 0, preread);
	return json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:i,s:{},s:O?}", "read", read,
		"preread", preread, "name", name, "id", s->b.id, "pids_stats", pids, "cpu_stats",
		cpu(now), "precpu_stats", cpu(before), "memory_stats", memory(now), "blkio_stats",
		blocks(now), "num_procs", 0, "storage_stats", "networks", now->networks);
}
