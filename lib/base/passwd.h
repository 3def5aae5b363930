/* SPDX-License-Identifier: MIT
 * The text of /etc/passwd and /etc/group (passwd(5), group(5)), as data: the files of a root that
 * is not ours cannot be given to getpwnam(3), whose plugins would be loaded from it. Pure.
 */
#ifndef TACKLE_PASSWD_H
#define TACKLE_PASSWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct passwd_entry {
	char name[256];
	uint32_t uid, gid;
	char home[256];
};

/* The first line whose name is `name`, or with NULL the first of user id `uid`. Lines that are not
 * passwd(5) are passed over. */
bool passwd_find(const char *text, const char *name, uint32_t uid, struct passwd_entry *out);
/* Id of the group `name`. */
bool group_find(const char *text, const char *name, uint32_t *gid);
/* Ids of the groups that list `user` as a member, in order, each once, at most max. Returns how
 * many. */
size_t group_list(const char *text, const char *user, uint32_t *gids, size_t max);

#endif
