/* SPDX-License-Identifier: MIT
 * A set of names (any bytes), each with the number of its arrival: what layers need to remember
 * about directories, hard links and what they made. Pure.
 */
#ifndef TACKLE_NAMES_H
#define TACKLE_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Start from {0}. About 24 bytes and the name itself each. */
struct names {
	struct name_ *v;
	size_t n, cap;
	uint32_t *slot; /* hash table of numbers plus one */
	size_t n_slot;
	char *text;
	size_t len, text_cap;
	uint64_t seed; /* so that nobody can choose names that collide */
};

/* Number of the name, added if it was not there. *is_new says which, may be NULL. Returns -1 when
 * the set would pass 256 MiB or 4 thousand million names (errno ENOSPC). */
ssize_t names_add(struct names *s, const void *name, size_t len, int *is_new);
/* Number of the name, -1 when it is not there. */
ssize_t names_find(const struct names *s, const void *name, size_t len);
/* The name of a number, with a NUL behind it; valid until the next names_add(). */
const char *names_at(const struct names *s, size_t i);
void names_free(struct names *s);

#endif
