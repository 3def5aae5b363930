/* SPDX-License-Identifier: MIT
 * Modes as --chmod takes them: octal, or in the letters of chmod(1) (POSIX, "chmod", EXTENDED
 * DESCRIPTION), which change the mode that the file has where it comes from.
 */
#include "dfile/dfile.h"

#include <stdlib.h>
#include <string.h>

#define ALL_WHO 07777
#define UMASK 022 /* what no "who" leaves out: a builder's, not the caller's */

static mode_t
who_bits(char c)
{
	switch (c) {
	case 'u':
		return S_ISUID | S_IRWXU;
	case 'g':
		return S_ISGID | S_IRWXG;
	case 'o':
		return S_ISVTX | S_IRWXO;
	case 'a':
		return ALL_WHO;
	default:
		return 0;
	}
}

/* The rwx of one class, given to all three. */
static mode_t
spread(mode_t bits, unsigned shift)
{
	return (bits >> shift & 07) * 0111;
}

/* Whether c is a letter behind an operator; adds its bits for everybody. */
static bool
permission(char c, mode_t old, mode_t now, mode_t *bits)
{
	switch (c) {
	case 'r':
		*bits |= 0444;
		return true;
	case 'w':
		*bits |= 0222;
		return true;
	case 'x':
		*bits |= 0111;
		return true;
	case 'X': /* of directories, and of what somebody may execute already */
		*bits |= S_ISDIR(old) || old & 0111 ? 0111 : 0;
		return true;
	case 's':
		*bits |= S_ISUID | S_ISGID;
		return true;
	case 't':
		*bits |= S_ISVTX;
		return true;
	case 'u':
		*bits |= spread(now, 6);
		return true;
	case 'g':
		*bits |= spread(now, 3);
		return true;
	case 'o':
		*bits |= spread(now, 0);
		return true;
	default:
		return false;
	}
}

/* One clause, "ug+rX-w"; *at is behind it afterwards. */
static bool
clause(const char **at, mode_t old, mode_t *mode)
{
	const char *p = *at;
	mode_t who = 0;
	for (; who_bits(*p); p++)
		who |= who_bits(*p);
	mode_t mask = who ? who : ALL_WHO & ~(mode_t)UMASK;
	if (!*p || !strchr("+-=", *p))
		return false;
	while (*p && strchr("+-=", *p)) {
		mode_t bits = 0;
		char sign = *p++;
		while (permission(*p, old, *mode, &bits))
			p++;
		if (sign == '=')
			*mode &= ~(who ? who : ALL_WHO);
		*mode = sign == '-' ? *mode & ~(bits & mask) : *mode | (bits & mask);
	}
	*at = p;
	return true;
}

int
dfile_mode(const char *text, mode_t old, mode_t *mode)
{
	const char *p = text;
	size_t digits = strspn(text, "01234567");
	if (digits && !text[digits]) {
		unsigned long n = strtoul(text, NULL, 8);
		*mode = (mode_t)n;
		if (n <= ALL_WHO)
			return 0;
	} else {
		*mode = old & ALL_WHO;
		bool ok = clause(&p, old, mode);
		while (ok && *p == ',') {
			p++;
			ok = clause(&p, old, mode);
		}
		if (ok && !*p)
			return 0;
	}
	return err_set(ERR_INVALID, text,
		"--chmod=%.80s: write the mode as an octal number or in letters, such as 755 or "
		"u=rwX,go=rX",
		text);
}
