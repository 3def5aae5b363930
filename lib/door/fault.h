/* SPDX-License-Identifier: MIT
 * Injected failures: TACKLEBOX_FAIL=mount:EINVAL@2 makes the second mount of the process fail with
 * EINVAL without being asked of the kernel, so that tests walk through every error path.
 * Several are separated by commas; the call "step" stands for any call; without @N the first is
 * meant. KILL in the place of the error's name ends the process there by SIGKILL, before the call.
 */
#ifndef TACKLE_FAULT_H
#define TACKLE_FAULT_H

/* Reads the list (NULL or "": none). Returns 0, or -1 with `err` set (class invalid). */
int fault_parse(const char *list);
/* Counts one call of this name. Returns the errno it shall fail with, or 0. */
int fault_due(const char *call);

#endif
