/* SPDX-License-Identifier: MIT */
#include "box/ports.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/parse.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* "80" or "80-90". */
static int
range(char *text, unsigned *first, unsigned *last)
{
	int64_t a, b;
	char *dash = strchr(text, '-');
	if (dash)
		*dash++ = '\0';
	if (parse_int(text, 1, 65535, &a) < 0 || parse_int(dash ? dash : text, 1, 65535, &b) < 0)
		return -1;
	if (b < a)
		return err_set(ERR_INVALID, text, "%s-%s is not a range", text, dash);
	*first = (unsigned)a;
	*last = (unsigned)b;
	return 0;
}

/* The part before the last colon of text, and the address before that; "[v6]:80" too. */
static int
host_part(char *text, struct box_ports *p)
{
	char *port = text;
	if (*text == '[') {
		char *end = strchr(text, ']');
		if (!end || end[1] != ':')
			return -1;
		*end = '\0';
		snprintf(p->ip, sizeof(p->ip), "%s", text + 1);
		port = end + 2;
	} else if ((port = strrchr(text, ':'))) {
		*port++ = '\0';
		snprintf(p->ip, sizeof(p->ip), "%s", text);
	} else {
		port = text;
	}
	return *port ? range(port, &p->host, &p->host_last) : 0;
}

int
box_ports_parse(const char *text, struct box_ports *p)
{
	auto_free char *copy = str_new(text);
	char *slash = strchr(copy, '/'), *inside = copy, *colon;
	unsigned last;
	*p = (struct box_ports){0};
	if (slash) {
		*slash++ = '\0';
		p->udp = strcmp(slash, "udp") == 0;
		if (!p->udp && strcmp(slash, "tcp") != 0)
			goto bad;
	}
	if ((colon = strrchr(copy, ':'))) {
		*colon = '\0';
		inside = colon + 1;
		if (host_part(copy, p) < 0)
			goto bad;
	}
	if (range(inside, &p->container, &last) < 0)
		goto bad;
	p->more = last - p->container;
	if (p->host && p->more && p->host_last - p->host != p->more)
		return err_set(ERR_INVALID, text, "the ranges of '%s' are not of one length", text);
	return 0;
bad:
	return err_set(ERR_INVALID, text, "invalid port specification: \"%s\"", text);
}

void
box_port_key(unsigned port, bool udp, char key[16])
{
	snprintf(key, 16, "%u/%s", port, udp ? "udp" : "tcp");
}

void
box_port_host(const struct box_ports *p, unsigned i, char text[16])
{
	if (!p->host)
		text[0] = '\0';
	else if (p->more || p->host == p->host_last)
		snprintf(text, 16, "%u", p->host + i);
	else
		snprintf(text, 16, "%u-%u", p->host, p->host_last);
}
