/* SPDX-License-Identifier: MIT
 * TLS, in front of what speaks HTTP: each connection ends here, and what is said in it goes on in
 * plain through a pair of sockets. So the end of what a client sends (close_notify: RFC 8446
 * section 6.1) reaches a container as it does without TLS, for which libmicrohttpd's own TLS has no
 * way. GnuTLS is seen by tls.c alone.
 */
#ifndef APID_TLS_H
#define APID_TLS_H

#include "http.h"

/* Takes connections at l, which has a certificate, from now on, in threads of its own. -1 with
 * `err` set. */
int tls_start(const struct listener *l, struct http_server *s);

/* SHA-1, with which web sockets are greeted (RFC 6455): it protects nothing. */
#define TLS_SHA1_SIZE 20
void tls_sha1(const char *p, size_t n, unsigned char hash[TLS_SHA1_SIZE]);

#endif
