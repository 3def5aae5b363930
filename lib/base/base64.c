/* SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(const void *p, size_t n, struct buf *out)
{
	const unsigned char *b = p;
	for (size_t i = 0; i < n; i += 3) {
		unsigned bits = (unsigned)b[i] << 16 | (i + 1 < n ? (unsigned)b[i + 1] << 8 : 0) |
			(i + 2 < n ? b[i + 2] : 0);
		buf_addc(out, digits[bits >> 18]);
		buf_addc(out, digits[bits >> 12 & 63]);
		buf_addc(out, i + 1 < n ? digits[bits >> 6 & 63] : '=');
		buf_addc(out, i + 2 < n ? digits[bits & 63] : '=');
	}
}

int
base64_decode(const char *s, struct buf *out)
{
	unsigned bits = 0, n = 0;
	for (; *s && *s != '='; s++) {
		const char *d = strchr(digits, *s == '-' ? '+' : *s == '_' ? '/' : *s);
		if (!d)
			return -1;
		bits = (bits << 6 | (unsigned)(d - digits)) & 0xffffff;
		if (n++ % 4)
			buf_addc(out, (char)(bits >> (6 - 2 * ((n - 1) % 4))));
	}
	return s[strspn(s, "=")] ? -1 : 0;
}
