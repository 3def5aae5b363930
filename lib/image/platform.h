/* SPDX-License-Identifier: MIT
 * The machine an image is for, in Go's names, which images use: linux/amd64, linux/arm64,
 * linux/arm/v7 (OCI image-spec, image-index.md, "platform").
 */
#ifndef TACKLE_PLATFORM_H
#define TACKLE_PLATFORM_H

#include "base/buf.h"

struct platform {
	char os[32];
	char arch[32];
	char variant[32]; /* "" where there is none or it does not matter */
};

/* What this machine runs, from uname(2). */
void platform_host(struct platform *p);
/* Reads "linux/arm64/v8", "linux/arm64", or "arm64"; uname's names (aarch64, x86_64) are taken as
 * well. Returns 0, or -1 with `err` set (invalid). */
int platform_parse(const char *s, struct platform *p);
/* How well an image for `has` serves one who wants `want`: 0 not at all, more is better. An older
 * arm variant runs on a newer machine. */
int platform_rank(const struct platform *want, const struct platform *has);
/* Appends "linux/arm/v7". */
void platform_text(const struct platform *p, struct buf *out);

#endif
