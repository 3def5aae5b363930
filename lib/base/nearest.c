/* SPDX-License-Identifier: MIT */
#include "base/nearest.h"

#include <string.h>

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

static unsigned
distance(const char *a, size_t alen, const char *b)
{
	unsigned row[32];
	size_t blen = strlen(b);
	if (alen > 31 || blen > 31)
		return 99;
	for (size_t j = 0; j <= blen; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= alen; i++) {
		unsigned corner = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= blen; j++) {
			unsigned up = row[j];
			row[j] = min3(up + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
			corner = up;
		}
	}
	return row[blen];
}

void
nearest_offer(struct nearest *n, const char *candidate)
{
	unsigned d = distance(n->word, n->len, candidate);
	if (d < n->distance) {
		n->distance = d;
		n->best = candidate;
	}
}
