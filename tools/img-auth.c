/* SPDX-License-Identifier: MIT
 * img-auth: asks a registry whether it takes a name and a password. Nothing is kept: that is what
 * `docker login` does.
 *
 *	echo user:password | img-auth --creds-fd 0 localhost:5000
 */
#include "base/err.h"
#include "door/tool.h"
#include "image/registry.h"
#include "image/transfer.h"

#include <stdio.h>
#include <string.h>

static struct {
	int64_t creds_fd;
	struct registry_options registry;
} o = {.creds_fd = -1, .registry = TRANSFER_REGISTRY_DEFAULTS};

static const struct opt options[] = {
	REGISTRY_OPTIONS(o.creds_fd, o.registry),
	OPT_END,
};

static const struct tool me = {
	.name = "img-auth",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... [HOST]",
	.summary = "Asks a registry (default: Docker's) whether it takes name and password.",
	.options = options,
	.example = "echo user:password | img-auth --creds-fd 0 localhost:5000",
};

/* "https://index.docker.io/v1/" is what clients still call Docker's own. */
static int
host_of(const char *text, struct ref *r)
{
	const char *host = strstr(text, "://");
	host = host ? host + 3 : text;
	size_t n = strcspn(host, "/");
	*r = (struct ref){0};
	if (n >= sizeof(r->host))
		return err_set(ERR_INVALID, text, "%.64s… is no host", text);
	snprintf(r->host, sizeof(r->host), "%.*s", (int)n, host);
	if (!r->host[0] || strcmp(r->host, "index.docker.io") == 0)
		snprintf(r->host, sizeof(r->host), "docker.io");
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct creds creds = {0};
	struct ref r;
	if (a.n > 1)
		tool_usage("more than one HOST");
	if (o.registry.patience <= 0)
		tool_usage("--timeout: there is no such time");
	if (o.creds_fd >= 0 && creds_read_fd((int)o.creds_fd, &creds) < 0)
		tool_die();
	if (o.creds_fd >= 0)
		o.registry.creds = &creds;
	if (host_of(a.n ? a.operand[0] : "", &r) < 0)
		tool_usage_err();
	struct registry *g = registry_open(&r, NULL, &o.registry);
	int ok = g ? registry_ping(g, "whether it knows us") : -1;
	if (g)
		registry_close(g);
	creds_free(&creds);
	if (ok < 0)
		tool_die();
	tool_result("Login Succeeded");
	return tool_finish();
}
