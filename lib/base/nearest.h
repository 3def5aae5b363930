/* SPDX-License-Identifier: MIT
 * What somebody meant who mistyped a word. Pure.
 */
#ifndef TACKLE_NEAREST_H
#define TACKLE_NEAREST_H

#include <stddef.h>

/* The best of the words offered so far. Start from NEAREST(word, len). */
struct nearest {
	const char *word;
	size_t len;
	const char *best; /* NULL: none is near enough */
	unsigned distance;
};
/* Two slips of the finger, not more. */
#define NEAREST(w, n) ((struct nearest){.word = (w), .len = (n), .distance = 3})

/* Offers one word that would have been right; kept, not copied, where it is the nearest. By edit
 * distance (Levenshtein), for words of at most 31 letters; longer ones are simply far away. */
void nearest_offer(struct nearest *n, const char *candidate);

#endif
