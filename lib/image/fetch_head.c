/* SPDX-License-Identifier: MIT */
#include "image/fetch_head.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOCATION_MAX 8192
/* What no registry asks for, and no person would wait. */
#define RETRY_AFTER_MAX 3600

void
fetch_head_reset(struct fetch_head *h)
{
	free(h->location);
	*h = (struct fetch_head){.first = -1, .have = -1};
}

/* The number at the beginning of a text, up to one of `ends`; -1 for none. */
static int64_t
number(const char *s, const char *ends)
{
	char digits[20];
	int64_t n = -1;
	struct err before = err;
	size_t len = strcspn(s, ends);
	if (len < sizeof(digits)) {
		memcpy(digits, s, len);
		digits[len] = '\0';
		if (parse_int(digits, 0, INT64_MAX - 1, &n) < 0)
			n = -1;
	}
	err = before;
	return n;
}

static void
take_challenge(struct fetch_head *h, const char *value)
{
	if (strlen(value) >= sizeof(h->challenge))
		return;
	if (!h->challenge[0] ||
		(strncasecmp(h->challenge, "bearer", 6) != 0 &&
			strncasecmp(value, "bearer", 6) == 0))
		snprintf(h->challenge, sizeof(h->challenge), "%s", value);
}

/* "0-1023": 1024 bytes. "0-0" is said of nothing as well as of one byte: the last one is sent
 * again, rather than one left out. */
static void
take_range(struct fetch_head *h, const char *value)
{
	const char *to = strncmp(value, "bytes=", 6) == 0 ? value + 6 : value;
	int64_t last = strncmp(to, "0-", 2) == 0 ? number(to + 2, "") : -1;
	h->have = last > 0 ? last + 1 : last;
}

static void
take(struct fetch_head *h, const char *name, const char *value)
{
	int64_t n;
	if (strcasecmp(name, "www-authenticate") == 0) {
		take_challenge(h, value);
	} else if (strcasecmp(name, "location") == 0 && strlen(value) < LOCATION_MAX) {
		free(h->location);
		h->location = str_new(value);
	} else if (strcasecmp(name, "docker-content-digest") == 0 && digest_ok(value)) {
		memcpy(h->digest, value, DIGEST_SIZE);
	} else if (strcasecmp(name, "content-range") == 0 && strncasecmp(value, "bytes ", 6) == 0) {
		h->first = number(value + 6, "-");
	} else if (strcasecmp(name, "range") == 0) {
		take_range(h, value);
	} else if (strcasecmp(name, "oci-chunk-min-length") == 0) {
		n = number(value, "");
		h->chunk_min = n > 0 ? n : 0;
	} else if (strcasecmp(name, "retry-after") == 0) {
		n = number(value, "");
		h->retry_after = n > 0 ? (unsigned)(n < RETRY_AFTER_MAX ? n : RETRY_AFTER_MAX) : 0;
	}
}

void
fetch_head_line(struct fetch_head *h, const char *line, size_t len)
{
	auto_buf struct buf text = BUF_INIT;
	if (len > 5 && strncmp(line, "HTTP/", 5) == 0)
		fetch_head_reset(h);
	while (len > 0 && strchr("\r\n \t", line[len - 1]))
		len--;
	buf_add(&text, line, len);
	char *colon = len ? strchr(text.s, ':') : NULL;
	/* A NUL within would end the value before its time. */
	if (!colon || strlen(text.s) != len)
		return;
	*colon++ = '\0';
	take(h, text.s, colon + strspn(colon, " \t"));
}
