/* SPDX-License-Identifier: MIT */
#include "image/digest.h"

#include "base/err.h"

#include <string.h>

bool
digest_is_hex(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");
	return n > 0 && n <= DIGEST_HEX && s[n] == '\0';
}

bool
digest_ok(const char *s)
{
	return strncmp(s, DIGEST_PREFIX, DIGEST_PREFIX_LEN) == 0 && strlen(s) == DIGEST_SIZE - 1 &&
		digest_is_hex(s + DIGEST_PREFIX_LEN);
}

int
digest_check(const char *what, const char *s)
{
	if (digest_ok(s))
		return 0;
	err_set(ERR_INVALID, s, "%s '%.100s' is not a digest", what, s);
	if (strncmp(s, "sha512:", 7) == 0)
		return err_hint("only sha256 digests are understood");
	return err_hint("a digest is sha256: and 64 lower case hex digits");
}

const char *
digest_hex(const char *digest)
{
	return digest + DIGEST_PREFIX_LEN;
}
