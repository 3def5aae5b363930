/* SPDX-License-Identifier: MIT
 * Proxies, by the variables that all clients of HTTP know (curl(1), ENVIRONMENT; Docker reads both
 * spellings).
 */
#ifndef TACKLE_FETCH_PROXY_H
#define TACKLE_FETCH_PROXY_H

/* Gives HTTP_PROXY its small spelling too, if that is free, for libcurl to find; and returns the
 * hosts that are reached without a proxy: those of no_proxy or NO_PROXY, and always this machine.
 * Owned by the caller. */
char *fetch_proxy_none(void);

#endif
