/* SPDX-License-Identifier: MIT
 * Certificates for one registry, where docker(1) and podman(1) keep them: the directory
 * certs.d/HOST[:PORT] with authorities to trust (*.crt), and a certificate of ours with its key
 * (NAME.cert, NAME.key) for registries that ask who we are (containers-certs.d(5)).
 *
 * certs.d is $TACKLEBOX_CERTS, or else the first of ${XDG_CONFIG_HOME:-~/.config}/docker/certs.d,
 * /etc/docker/certs.d and /etc/containers/certs.d that has a directory for the host.
 */
#ifndef TACKLE_CERTS_H
#define TACKLE_CERTS_H

#include "base/buf.h"

struct certs {
	struct buf ca; /* PEM, of all authorities; empty: none but the system's */
	char *cert, *key; /* paths; NULL */
};

/* The certificates of a host, as references name it; nothing where there is no such directory.
 * certs_free() gives it back. Returns 0, or -1 with `err` set: a file that cannot be read, or a
 * certificate without its key. */
int certs_of(const char *host, struct certs *c);
void certs_free(struct certs *c);

#endif
