/* SPDX-License-Identifier: MIT
 * Clients that must show a certificate. The library for that, GnuTLS, is seen by tls.c alone.
 */
#ifndef APID_TLS_H
#define APID_TLS_H

#include <stdbool.h>

/* Whether the client of a TLS session (gnutls_session_t) has shown a certificate that is good, for
 * the authority the server was started with (gnutls_certificate_verify_peers2(3)). */
bool tls_client_known(void *session);

#endif
