/* SPDX-License-Identifier: MIT
 * Which server a registry is: its scheme and host, or a mirror's, and whom to trust there.
 */
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "image/challenge.h"
#include "image/registry_in.h"

#include <stdlib.h>
#include <string.h>

#define CERTS_MAX ((size_t)1 << 20)

/* Splits "https://host:port/prefix/". */
static int
use_mirror(struct registry *g, const char *mirror)
{
	char host[REF_NAME_MAX + 1];
	if (!url_host(mirror, host, sizeof(host)))
		return err_set(ERR_INVALID, mirror, "mirror '%s' is no http or https URL", mirror);
	const char *rest = strstr(mirror, "://") + 3 + strlen(host);
	size_t n = strlen(rest);
	while (n && rest[n - 1] == '/')
		n--;
	g->scheme = strncmp(mirror, "https:", 6) == 0 ? "https" : "http";
	g->plain_allowed = strcmp(g->scheme, "http") == 0;
	g->settled = true; /* the scheme is given */
	g->host = str_new(host);
	g->name = str_new(host);
	g->prefix = fmt_new("%.*s", (int)n, rest);
	return 0;
}

static void
use_registry(struct registry *g, const char *host)
{
	bool plain = host_is_loopback(host) && !g->o->cacert && !g->certs.ca.len && !g->certs.cert;
	g->plain_allowed = plain || g->o->insecure;
	/* On this machine plain HTTP is the rule, and costs nothing to try first. */
	g->scheme = plain ? "http" : "https";
	/* The images that need no host in their name have their API at another one than in
	 * their full name. */
	g->host = str_new(strcmp(host, "docker.io") == 0 ? "registry-1.docker.io" : host);
	g->name = str_new(host);
	g->prefix = str_new("");
}

/* What docker(1) keeps for a host, and --cacert with it: libcurl takes one or the other. */
static int
find_certs(struct registry *g, const char *host)
{
	if (certs_of(host, &g->certs) < 0)
		return -1;
	return g->certs.ca.len && g->o->cacert ? file_read(g->o->cacert, CERTS_MAX, &g->certs.ca)
					       : 0;
}

static struct registry *
new_registry(const char *path, const struct registry_options *o)
{
	struct registry *g = calloc(1, sizeof(*g));
	if (!g)
		abort();
	g->o = o;
	g->fetch_options = (struct fetch_options){
		.cacert = o->cacert, .insecure = o->insecure, .patience = o->patience};
	g->path = str_new(path);
	return g;
}

static int
use_host(struct registry *g, const char *host)
{
	if (find_certs(g, host) < 0)
		return -1;
	use_registry(g, host);
	return 0;
}

static int
use_mirror_of(struct registry *g, const char *mirror, const char *host)
{
	if (use_mirror(g, mirror) < 0)
		return -1;
	g->origin_host = str_new(host);
	return find_certs(g, g->host);
}

struct registry *
registry_open(const struct ref *r, const char *mirror, const struct registry_options *o)
{
	struct registry *g = new_registry(r->path, o);
	if ((mirror ? use_mirror_of(g, mirror, r->host) : use_host(g, r->host)) == 0 &&
		(step_dry() || (g->fetcher = fetcher_new(&g->fetch_options))))
		return g;
	registry_close(g);
	return NULL;
}

struct registry *
registry_origin(struct registry *g)
{
	if (!g->origin_host || g->origin)
		return g->origin;
	struct registry *origin = new_registry(g->path, g->o);
	origin->fetcher = g->fetcher;
	origin->beside = true;
	if (use_host(origin, g->origin_host) == 0)
		return g->origin = origin;
	registry_close(origin);
	return NULL;
}

void
registry_close(struct registry *g)
{
	if (!g)
		return;
	registry_close(g->origin);
	if (!g->beside)
		fetcher_free(g->fetcher);
	certs_free(&g->certs);
	free(g->origin_host);
	registry_forget(g);
	free(g->host);
	free(g->prefix);
	free(g->path);
	free(g->name);
	free(g);
}
