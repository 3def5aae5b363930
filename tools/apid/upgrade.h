/* SPDX-License-Identifier: MIT
 * Connections that are no longer HTTP: each has a thread of its own.
 */
#ifndef APID_UPGRADE_H
#define APID_UPGRADE_H

#include "http.h"

struct upgrade;
/* What is to become of a connection, once the client has been told so. */
struct upgrade *upgrade_new(upgrade_fn *fn, void *self);
/* It has: fd is its, and `first` came behind the request. hang_up(handle) ends the connection.
 * Frees u in the end. */
typedef void hang_up_fn(void *handle);
void upgrade_begin(
	struct upgrade *u, int fd, const char *first, size_t n, hang_up_fn *hang_up, void *handle);
/* It has left before it could hear of it: whatever fn holds is given back. Frees u. */
void upgrade_to_nobody(struct upgrade *u);
/* How many there are now. */
unsigned upgrades_now(void);

#endif
