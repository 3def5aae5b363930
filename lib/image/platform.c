/* SPDX-License-Identifier: MIT */
#include "image/platform.h"

#include "base/err.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* uname's machine, and other common spellings, in Go's words. */
static const struct {
	const char *machine, *arch, *variant;
} names[] = {
	{"x86_64", "amd64", ""},
	{"x86-64", "amd64", ""},
	{"i386", "386", ""},
	{"i486", "386", ""},
	{"i586", "386", ""},
	{"i686", "386", ""},
	{"aarch64", "arm64", ""},
	{"armv5tel", "arm", "v5"},
	{"armv6l", "arm", "v6"},
	{"armv7l", "arm", "v7"},
	{"armv8l", "arm", "v7"},
	{"armhf", "arm", "v7"},
	{"armel", "arm", "v6"},
	{"ppc64el", "ppc64le", ""},
	{"loongarch64", "loong64", ""},
	{"mips64el", "mips64le", ""},
};

static void
set_arch(struct platform *p, const char *arch)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(arch, names[i].machine) == 0) {
			snprintf(p->arch, sizeof(p->arch), "%s", names[i].arch);
			snprintf(p->variant, sizeof(p->variant), "%s", names[i].variant);
			return;
		}
	snprintf(p->arch, sizeof(p->arch), "%.31s", arch);
}

void
platform_host(struct platform *p)
{
	struct utsname u;
	*p = (struct platform){.os = "linux"};
	if (uname(&u) < 0)
		abort(); /* uname(2) fails only for a bad pointer */
	set_arch(p, u.machine);
}

/* One part: letters, digits, '_' and '-'. Returns its length, 0 when it is none or too long. */
static size_t
part_len(const char *s)
{
	size_t n = 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '-' || s[n] == '.')
		n++;
	return n < 32 ? n : 0;
}

int
platform_parse(const char *s, struct platform *p)
{
	char parts[3][32] = {"", "", ""};
	int n = 0;
	for (const char *q = s;; q++) {
		size_t len = part_len(q);
		if (n == 3 || len == 0)
			goto bad;
		memcpy(parts[n++], q, len);
		q += len;
		if (*q == '\0')
			break;
		if (*q != '/')
			goto bad;
	}
	*p = (struct platform){.os = "linux"};
	if (n > 1)
		memcpy(p->os, parts[0], sizeof(p->os));
	set_arch(p, n > 1 ? parts[1] : parts[0]);
	if (n == 3)
		memcpy(p->variant, parts[2], sizeof(p->variant));
	return 0;
bad:
	return err_set(ERR_INVALID, s, "'%s' is not a platform such as linux/arm64", s);
}

/* The number in "v7"; what is meant where an image does not say. */
static int
variant_number(const struct platform *p)
{
	if (p->variant[0] == 'v' && isdigit((unsigned char)p->variant[1]))
		return p->variant[1] - '0';
	return strcmp(p->arch, "arm64") == 0 ? 8 : strcmp(p->arch, "arm") == 0 ? 7 : 1;
}

int
platform_rank(const struct platform *want, const struct platform *has)
{
	if (strcmp(want->os, has->os) != 0 || strcmp(want->arch, has->arch) != 0)
		return 0;
	int w = variant_number(want), h = variant_number(has);
	if (w == h)
		return 100;
	return h < w ? 100 - (w - h) : 0;
}

void
platform_text(const struct platform *p, struct buf *out)
{
	buf_addf(out, "%s/%s", p->os, p->arch);
	if (p->variant[0])
		buf_addf(out, "/%s", p->variant);
}
