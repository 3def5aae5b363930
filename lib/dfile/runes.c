/* SPDX-License-Identifier: MIT */
#include "dfile/dfile_in.h"

#include <stdlib.h>

char *
dfile_copy(const char *s, size_t len)
{
	char *copy = malloc(len + 1);
	if (!copy)
		abort();
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

size_t
dfile_rune(const char *s, uint32_t *cp)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = utf8_len(s);
	if (n < 2) {
		/* Above all characters, so that two broken bytes are equal only if they are. */
		*cp = n ? u[0] : 0x110000U + u[0];
		return 1;
	}
	*cp = u[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++)
		*cp = *cp << 6 | (u[i] & 0x3f);
	return n;
}

size_t
dfile_wide_blank(const char *s)
{
	uint32_t c;
	size_t n = dfile_rune(s, &c);
	bool blank = c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
		c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
	return blank ? n : 0;
}

/* Beyond ASCII, all but the blocks of punctuation and symbols are taken for letters: a name that
 * borders on anything else has braces. */
static bool
is_letter(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} others[] = {
		{0x80, 0xa9},
		{0xab, 0xb4},
		{0xb6, 0xb9},
		{0xbb, 0xbf},
		{0xd7, 0xd7},
		{0xf7, 0xf7},
		{0x1680, 0x1680},
		{0x2000, 0x2070},
		{0x2072, 0x207e},
		{0x20a0, 0x2101},
		{0x2190, 0x2bff},
		{0x2e00, 0x2e7f},
		{0x3000, 0x3004},
		{0x3008, 0x3030},
		{0xe000, 0xf8ff},
		{0xfe00, 0xfe6f},
		{0xff00, 0xff0f},
		{0xff1a, 0xff20},
		{0xff3b, 0xff40},
		{0xff5b, 0xff65},
		{0x1f000, 0x1faff},
		{0x110000, UINT32_MAX},
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (c >= others[i].first && c <= others[i].last)
			return false;
	return true;
}

size_t
dfile_name_char(const char *s)
{
	uint32_t c;
	if (*s == '_' || (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') ||
		(*s >= 'a' && *s <= 'z'))
		return 1;
	if (!(*s & 0x80))
		return 0;
	size_t n = dfile_rune(s, &c);
	return is_letter(c) ? n : 0;
}
