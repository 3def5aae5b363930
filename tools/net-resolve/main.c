/* SPDX-License-Identifier: MIT
 * net-resolve: answers boxes who is called what in the networks that they are in.
 *
 * A name server, as every program with a C library asks one (resolver(3)). It listens at the
 * gateways, so it sees from which box a question comes, and answers with names of that box's
 * networks and of no other; what it does not know it asks of the host's servers, or of the box's
 * own. Who is called what stands in files, which are read again as soon as they change.
 *
 *	net-resolve /run/tacklebox/resolver
 */
#include "resolve.h"

#include "base/err.h"
#include "base/file.h"
#include "box/resolver.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_cred.h"
#include "door/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct opt options[] = {
	OPT_END,
};

static const struct tool me = {
	.name = "net-resolve",
	.kind = TOOL_SERVES,
	.usage = "DIR",
	.summary =
		"Answers boxes who is called what, as the files in DIR say, until there are none.",
	.options = options,
	.example = "mkdir names\nnet-resolve \"$PWD/names\"",
	.rights = RIGHTS_ROOT,
};

size_t
round_add(struct round *r, int fd)
{
	if (r->n == r->size) {
		r->size = r->size ? 2 * r->size : 16;
		r->v = reallocarray(r->v, r->size, sizeof(*r->v));
		if (!r->v)
			abort();
	}
	r->v[r->n] = (struct pollfd){.fd = fd, .events = POLLIN};
	return r->n++;
}

/* One packet; the socket does not wait. First it is taken, and then what has changed: whoever asks
 * after a change gets the new answer. */
static void
take_packet(const struct network_names *n)
{
	static uint8_t data[NS_MAXMSG];
	struct sockaddr_in who = {0};
	struct servers on = {.n = 0};
	socklen_t size = sizeof(who);
	auto_buf struct buf out = BUF_INIT;
	struct in_addr gateway = n->gateway;
	ssize_t len = recvfrom(n->udp, data, sizeof(data), 0, (struct sockaddr *)&who, &size);
	if (len < 0)
		return;
	names_refresh();
	const struct network_names *asked = names_at(gateway);
	if (!asked || asked->udp < 0)
		return;
	enum verdict v = answer(asked, who.sin_addr, data, (size_t)len, false, &out, &on);
	if (v == ASK_ON)
		forward_begin(asked, &who, data, (size_t)len, &on);
	else if (v == ANSWERED &&
		sendto(asked->udp, out.s, out.len, MSG_NOSIGNAL, (struct sockaddr *)&who, size) < 0)
		return;
}

/* Sockets that could not be had are tried again, and children that have ended are waited for, once
 * a second. */
static int
patience(bool all_listen)
{
	int ms = forward_patience();
	unsigned at_work = stream_reap();
	bool look = !all_listen || at_work > 0;
	return look && (ms < 0 || ms > 1000) ? 1000 : ms;
}

static void
serve(int watch)
{
	struct round r = {0};
	for (names_refresh(); names_count; names_refresh()) {
		bool all_listen = names_listen();
		r.n = 0;
		round_add(&r, watch);
		/* Two for each network, in their order. */
		for (size_t i = 0; i < names_count; i++) {
			round_add(&r, names_all[i].udp);
			round_add(&r, names_all[i].tcp);
		}
		size_t n = r.n;
		forward_wait(&r);
		if (poll(r.v, r.n, patience(all_listen)) < 0 && errno != EINTR)
			break;
		unsigned same = names_generation;
		forward_go_on(&r);
		for (size_t k = 1; k < n && names_generation == same; k++) {
			const struct network_names *of = &names_all[(k - 1) / 2];
			if (r.v[k].revents)
				k % 2 ? take_packet(of) : stream_take(of);
		}
	}
	free(r.v);
}

/* What comes from boxes is not to be trusted: the rest of root's rights is given up. */
static int
become_small(void)
{
	static const uint64_t keep = UINT64_C(1) << CAP_NET_BIND_SERVICE;
	return sys_bound_caps("whatever it runs has no more rights than this", keep) < 0 ||
			sys_set_caps("it listens at port 53, and needs no other right", keep) < 0 ||
			sys_no_new_privs("no program gives them back") < 0
		? -1
		: 0;
}

/* Who started us goes on when this line comes, and shall not wait for the end of our output. */
static int
say_ready(void)
{
	tool_result("ready");
	int r = fflush(stdout), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && null >= 0; fd++)
		dup2(null, fd);
	return r == 0 && null >= 0 ? 0 : err_sys("write", "standard output", "cannot say so");
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	char path[PATH_MAX];
	int lock = -1, watch = -1;
	if (a.n != 1)
		tool_usage("one DIR is needed");
	if (snprintf(path, sizeof(path), "%s" RESOLVER_ALIVE, a.operand[0]) >= (int)sizeof(path))
		tool_usage("%s is too long", a.operand[0]);
	if (a.operand[0][0] != '/')
		tool_usage("%s is no absolute path", a.operand[0]);
	if (sys_lock("one answers, and others see that it does", path, true, &lock) < 0)
		tool_die();
	/* To watch and to listen changes nothing: no step tells it. */
	if (!step_dry() && (watch = names_open(a.operand[0])) < 0)
		tool_die();
	if (become_small() < 0 || sys_chdir("it keeps no directory from going", "/") < 0)
		tool_die();
	if (!step_dry()) {
		names_listen();
		if (say_ready() < 0)
			tool_die();
		serve(watch);
	}
	return tool_finish();
}
