/* SPDX-License-Identifier: MIT
 * The second line of an error: what may be the cause on this host, and what to do. A table of
 * (call, errno, what the host looks like); the first row that fits wins. The host is only looked
 * at (files of /proc and /sys), never changed, and only after something failed.
 */
#ifndef TACKLE_HINT_H
#define TACKLE_HINT_H

/* Fills err.hint for the current `err` unless one is there already. */
void hint_for_err(void);

#endif
