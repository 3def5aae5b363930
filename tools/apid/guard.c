/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include "base/cidr.h"
#include "base/err.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "host:port", "[::1]:port" without its port. */
static void
host_only(const char *text, char host[256])
{
	bool six = *text == '[';
	snprintf(host, 256, "%s", text + six);
	char *end = six ? strchr(host, ']') : strchr(host, ':');
	if (end)
		*end = '\0';
}

/* A page that has made its own name lead to our address (DNS rebinding) sends that name. An address
 * cannot be had like that, nor can the names that are ours. */
static bool
is_ours(const char *host, const struct listener *at)
{
	struct err before = err;
	struct ipaddr ip;
	char own[256], name[256];
	host_only(at->name, own);
	bool ok = ipaddr_parse(host, &ip) == 0;
	err = before;
	return ok || strcasecmp(host, "localhost") == 0 || strcasecmp(host, own) == 0 ||
		(gethostname(name, sizeof(name)) == 0 && strcasecmp(host, name) == 0);
}

/* A page of ours, if there were one, or a program that says what it speaks to. */
static bool
is_same(const char *origin, const char *host)
{
	const char *at = strstr(origin, "://");
	return at && host && strcasecmp(at + 3, host) == 0;
}

int
guard_check(const struct request *r, const struct listener *at)
{
	const char *origin = request_header(r, "Origin"),
		   *site = request_header(r, "Sec-Fetch-Site"), *text = request_header(r, "Host");
	char host[256];
	if (!at->tcp)
		return 0;
	if ((origin && !is_same(origin, text)) ||
		(site && strcmp(site, "none") != 0 && strcmp(site, "same-origin") != 0))
		return err_set(ERR_DENIED, origin, "requests of web pages are refused");
	host_only(text ? text : "localhost", host);
	if (!is_ours(host, at))
		return err_set(ERR_DENIED, host, "%s is no name of this server", host);
	return 0;
}
