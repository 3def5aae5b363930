/* SPDX-License-Identifier: MIT */
#include "image/challenge.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One parameter's value, quoted or not. Returns where it ends. */
static const char *
read_value(const char *s, char *out, size_t size)
{
	bool quoted = *s == '"';
	size_t n = 0;
	for (s += quoted; *s && (quoted ? *s != '"' : !strchr(", \t", *s)); s++) {
		if (quoted && *s == '\\' && s[1])
			s++;
		if (++n < size)
			out[n - 1] = *s;
	}
	out[n < size ? n : 0] = '\0';
	return s + (quoted && *s);
}

static const char *
read_parameter(const char *s, size_t n, struct challenge *c)
{
	char other[8];
	if (n == 5 && strncasecmp(s, "realm", n) == 0)
		return read_value(s + n + 1, c->realm, sizeof(c->realm));
	if (n == 7 && strncasecmp(s, "service", n) == 0)
		return read_value(s + n + 1, c->service, sizeof(c->service));
	if (n == 5 && strncasecmp(s, "scope", n) == 0)
		return read_value(s + n + 1, c->scope, sizeof(c->scope));
	return read_value(s + n + 1, other, sizeof(other));
}

void
challenge_parse(const char *header, struct challenge *c)
{
	const char *s = header + strcspn(header, " \t,");
	*c = (struct challenge){0};
	c->basic = s - header == 5 && strncasecmp(header, "basic", 5) == 0;
	c->bearer = s - header == 6 && strncasecmp(header, "bearer", 6) == 0;
	while (c->bearer && *(s += strspn(s, " \t,"))) {
		size_t n = strcspn(s, "= \t,");
		/* A word without "=": the next challenge begins. */
		if (s[n] != '=')
			break;
		s = read_parameter(s, n, c);
	}
}

bool
url_host(const char *url, char *out, unsigned size)
{
	const char *s = strstr(url, "://");
	if (!s || (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0))
		return false;
	s += 3;
	size_t n = strcspn(s, "/?#");
	/* "https://registry.example@evil.example/": what stands before the @ is no host. */
	if (n == 0 || n >= size || memchr(s, '@', n) || memchr(s, '\\', n))
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	return true;
}

bool
host_is_loopback(const char *host)
{
	if (host[0] == '[')
		return strncmp(host, "[::1]", 5) == 0 && (host[5] == '\0' || host[5] == ':');
	size_t n = strcspn(host, ":");
	if (n == strlen("localhost") && strncmp(host, "localhost", n) == 0)
		return true;
	/* 127.0.0.0/8, and nothing like 127.0.0.1.example. */
	int dots = 0;
	for (size_t i = 0; i < n; i++) {
		if (host[i] == '.')
			dots++;
		else if (!isdigit((unsigned char)host[i]))
			return false;
	}
	return dots == 3 && strncmp(host, "127.", 4) == 0;
}

static bool
ends_in(const char *host, const char *domain)
{
	size_t n = strlen(host), k = strlen(domain);
	return n > k + 1 && strcasecmp(host + n - k, domain) == 0 && host[n - k - 1] == '.';
}

/* Letters, a dot within, and no port: a name of the domain name system, not an address. */
static bool
is_domain(const char *s)
{
	const char *last = strrchr(s, '.');
	return last && last != s && isalpha((unsigned char)last[1]) && !strchr(s, ':');
}

bool
host_may_authorize(const char *registry, const char *realm, const char *also)
{
	if (strcasecmp(registry, realm) == 0 || (also && strcasecmp(also, realm) == 0))
		return true;
	/* The one registry that everybody uses has its tokens elsewhere. */
	if (strcmp(registry, "registry-1.docker.io") == 0 && strcmp(realm, "auth.docker.io") == 0)
		return true;
	return is_domain(registry) && is_domain(realm) &&
		(ends_in(realm, registry) || ends_in(registry, realm));
}
