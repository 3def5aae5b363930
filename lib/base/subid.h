/* SPDX-License-Identifier: MIT
 * The ids that /etc/subuid and /etc/subgid give to a user besides his own (subuid(5)): lines
 * "NAME:FIRST:COUNT", by name or by number.
 */
#ifndef TACKLE_SUBID_H
#define TACKLE_SUBID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct subid {
	uint32_t first, count;
};

/* Reads at most max ranges of the user's into v; lines that are none are passed over. Returns how
 * many, or -1 with `err` set when the file cannot be read. */
int subid_read(const char *file, uid_t uid, struct subid *v, size_t max);
/* The same for a name, which need not be a user's. */
int subid_read_name(const char *file, const char *name, struct subid *v, size_t max);
/* Whether the user namespace that we are in has this id: `map` is /proc/self/uid_map or gid_map. Of
 * those it has not nothing can be given to. */
bool subid_is_mapped(const char *map, uint32_t id);
/* Whether it has all of them, each as itself, as only the first one has: a root elsewhere is root
 * over what belongs to his namespace, and not over the machine (user_namespaces(7)). */
bool subid_all_mapped(void);

#endif
