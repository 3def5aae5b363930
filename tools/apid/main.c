/* SPDX-License-Identifier: MIT
 * apid: the Docker Engine API over the tools.
 *
 * It translates: for what changes anything it runs a tool, and -x prints each command line; for
 *what only looks it calls the function that the tool's main calls. It owns nothing. Killed at any
 * moment it takes nothing with it, and the next one knows all there is to know.
 *
 *	apid & export DOCKER_HOST=unix:///run/tacklebox/apid.sock; docker ps
 */
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/env.h"
#include "door/step.h"
#include "door/sys_cred.h"
#include "door/tool.h"
#include "listen.h"
#include "tls.h"

#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct settings settings;
static struct {
	struct strlist host;
	struct where where;
	bool tls, tls_verify, endpoints;
	const char *ca, *cert, *key;
} o;

static const struct opt options[] = {
	{'H', "host", "WHERE", opt_list, &o.host,
		"listen at unix:///PATH, tcp://HOST:PORT, or fd:// as systemd hands it over",
		false},
	{0, "mode", "MODE", opt_str, &o.where.mode, "of a unix socket (0660)", false},
	{'G', "group", "GROUP", opt_str, &o.where.group, "of a unix socket", false},
	{0, "tls", NULL, opt_flag, &o.tls, "TLS over TCP", false},
	{0, "tlsverify", NULL, opt_flag, &o.tls_verify,
		"TLS, and clients must show a certificate of --tlscacert", false},
	{0, "tlscacert", "FILE", opt_str, &o.ca, "whose certificates are taken (PEM)", false},
	{0, "tlscert", "FILE", opt_str, &o.cert, "our certificate (PEM)", false},
	{0, "tlskey", "FILE", opt_str, &o.key, "its key (PEM)", false},
	{0, "strict", NULL, opt_flag, &settings.strict,
		"refuse documents with members that are not known", false},
	{0, "read-only", NULL, opt_flag, &settings.read_only, "answer, but change nothing", false},
	{0, "endpoints", NULL, opt_flag, &o.endpoints, "list what is served, and by which tool",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "apid",
	.kind = TOOL_SERVES,
	.usage = "[OPTION]...",
	.summary = "Serves the Docker Engine API; the tools do the work.",
	.options = options,
	.example = "apid --endpoints | grep box-create",
};

static struct listener places[LISTEN_MAX];
static unsigned n_places;

/* What dockerd takes where nothing is said lies in ~/.docker. */
static int
read_pem(const char *path, const char *usual, const char **text)
{
	static struct buf kept[3];
	static unsigned n;
	auto_free char *own = fmt_new("%s/.docker/%s", getenv("HOME") ? getenv("HOME") : "", usual);
	if (file_read(path ? path : own, (size_t)1 << 20, &kept[n]) < 0)
		return -1;
	*text = buf_str(&kept[n++]);
	return 0;
}

static int
read_tls(struct listener *l)
{
	if ((!o.tls && !o.tls_verify) || !l->tcp)
		return 0;
	if (!l->cert &&
		(read_pem(o.cert, "cert.pem", &l->cert) < 0 ||
			read_pem(o.key, "key.pem", &l->key) < 0))
		return -1;
	return o.tls_verify && !l->ca ? read_pem(o.ca, "ca.pem", &l->ca) : 0;
}

static bool
is_loopback(const char *name)
{
	return strncmp(name, "127.", 4) == 0 || strncmp(name, "localhost", 9) == 0 ||
		strncmp(name, "[::1]", 5) == 0;
}

static int
open_places(void)
{
	char usual[4200];
	struct listener tls = {.tcp = true};
	if (!o.host.n && getenv("LISTEN_FDS"))
		strlist_add(&o.host, "fd://");
	if (!o.host.n && listen_default(usual) < 0)
		return -1;
	if (!o.host.n)
		strlist_add(&o.host, usual);
	if (read_tls(&tls) < 0)
		return -1;
	for (size_t i = 0; i < o.host.n; i++)
		if (listen_at(o.host.v[i], &o.where, places, &n_places) < 0)
			return -1;
	for (unsigned i = 0; i < n_places; i++) {
		if (!places[i].tcp)
			continue;
		places[i].cert = tls.cert;
		places[i].key = tls.key;
		places[i].ca = tls.ca;
		if (!tls.ca && !is_loopback(places[i].name))
			tool_warn("%s: whoever reaches this address rules this machine; see "
				  "--tlsverify",
				places[i].name);
	}
	return 0;
}

/* Programs read it, too: it is the result. */
static void
print_places(void)
{
	for (unsigned i = 0; i < n_places; i++)
		if (places[i].tcp)
			tool_result("export DOCKER_HOST=tcp://%s", places[i].name);
		else if (places[i].name[0] == '/')
			tool_result("export DOCKER_HOST=unix://%s", places[i].name);
}

/* A connection costs a thread and some descriptors. */
static void
raise_limits(void)
{
	struct rlimit n;
	if (getrlimit(RLIMIT_NOFILE, &n) == 0 && n.rlim_cur < n.rlim_max)
		sys_setrlimit("many connections at once", RLIMIT_NOFILE, "nofile",
			n.rlim_max < 65536 ? n.rlim_max : 65536, n.rlim_max);
	/* Threads come and go: what they leave is to be given back. */
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

static int
serve(const sigset_t *ends)
{
	static struct http_server *servers[LISTEN_MAX];
	int signal;
	for (unsigned i = 0; i < n_places; i++)
		if (!(servers[i] = http_start(&places[i])) ||
			(places[i].cert && tls_start(&places[i], servers[i]) < 0))
			return -1;
	print_places();
	fflush(stdout);
	while (sigwait(ends, &signal) != 0)
		;
	for (unsigned i = 0; i < n_places; i++)
		listen_end(&places[i]);
	for (unsigned i = 0; i < n_places; i++)
		http_stop(servers[i]);
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	sigset_t ends;
	if (a.n)
		tool_usage("it takes no operand");
	if (o.endpoints) {
		auto_buf struct buf out = BUF_INIT;
		routes_list(&out);
		tool_result("%.*s", (int)out.len - 1, out.s);
		return tool_finish();
	}
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	if (open_places() < 0)
		tool_die();
	if (step_dry())
		return tool_finish();
	env_own_dir();
	setenv("TACKLEBOX_ERRORS", "json", 1);
	if (serve(&ends) < 0)
		tool_die();
	return tool_finish();
}
