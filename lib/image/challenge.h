/* SPDX-License-Identifier: MIT
 * How a registry says who may come in: the header WWW-Authenticate (RFC 9110 section 11.6.1), with
 * Basic (RFC 7617) or Bearer (RFC 6750, and the distribution project's token scheme). And the hosts
 * that secrets may go to. Pure.
 */
#ifndef TACKLE_CHALLENGE_H
#define TACKLE_CHALLENGE_H

#include <stdbool.h>

struct challenge {
	bool basic, bearer;
	/* Of Bearer: where to get a token, and for what. What is too long for its place is "". */
	char realm[512];
	char service[256];
	char scope[512];
};

/* Reads the header's value. */
void challenge_parse(const char *header, struct challenge *c);

/* The host of an http or https URL, with its port: "registry.example:5000". False where there is
 * none, or a user name before it. */
bool url_host(const char *url, char *out, unsigned size);
/* Whether a host, with its port or without, is this machine: localhost, 127.0.0.0/8, ::1. */
bool host_is_loopback(const char *host);
/* Whether the password for a registry may be given to the token server `realm`, a host: the same
 * one, or one that the registry's own name vouches for: of a.example.org, example.org and what ends
 * in .a.example.org. `also` is a host that the user named; NULL. */
bool host_may_authorize(const char *registry, const char *realm, const char *also);

#endif
