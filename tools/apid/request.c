/* SPDX-License-Identifier: MIT
 * Of requests and replies what HTTP's library has no part in.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- what is asked ---- */

bool
request_flag(const struct request *r, const char *name, bool otherwise)
{
	static const char *const no[] = {"", "0", "no", "false", "none"};
	const char *v = request_query(r, name);
	if (!v)
		return otherwise;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (strcasecmp(v, no[i]) == 0)
			return false;
	return true;
}

bool
request_upgrades(const struct request *r, const char *to)
{
	const char *asked = request_header(r, "Upgrade");
	return asked && strcasecmp(asked, to) == 0;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9'    ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : -1;
}

size_t
url_unescape(char *s)
{
	const char *start = s;
	char *to = s;
	for (; *s; s++) {
		int high = *s == '%' ? hex(s[1]) : -1, low = high < 0 ? -1 : hex(s[2]);
		if (low < 0 || high + low == 0) {
			*to++ = *s;
			continue;
		}
		*to++ = (char)(high << 4 | low);
		s += 2;
	}
	*to = '\0';
	return (size_t)(to - start);
}

/* "/v1.41/info": what we speak of is the same in all of them. */
static int
take_version(struct request *r, const char *url)
{
	unsigned major, minor;
	int n = 0;
	r->version = 141;
	r->path = url;
	if (strspn(url, "/v.0123456789") < 5 ||
		sscanf(url, "/v%1u.%3u%n", &major, &minor, &n) < 2 || n < 5 || url[n] != '/')
		return 0;
	r->path = url + n;
	r->version = major * 100 + minor;
	if (major > 1 || minor > 50)
		return err_set(ERR_INVALID, NULL,
			"client version %u.%u is too new. Maximum supported API version is "
			"1.50",
			major, minor);
	if (major < 1 || minor < 12)
		return err_set(ERR_INVALID, NULL,
			"client version %u.%u is too old. Minimum supported API version is 1.12, "
			"please upgrade your client to a newer version",
			major, minor);
	return 0;
}

int
request_begin(struct request *r, const char *url, const struct listener *at)
{
	if (take_version(r, url) < 0 || guard_check(r, at) < 0)
		return -1;
	route_find(r);
	if (!r->route)
		return err_set(ERR_NOT_FOUND, r->path, "page not found");
	if (settings.read_only && !route_only_reads(r->route))
		return err_set(ERR_DENIED, r->path, "apid runs with --read-only");
	return r->route->begin ? r->route->begin(r) : 0;
}

/* ---- what is answered ---- */

int
reply_json(struct request *r, unsigned status, json_t *doc)
{
	size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
	char *text = json_dumps(doc, flags);
	json_decref(doc);
	if (!text)
		return err_set(ERR_INTERNAL, NULL, "cannot write the answer as JSON");
	reply_bytes(r, status, "application/json", text, strlen(text));
	free(text);
	return 0;
}

int
reply_empty(struct request *r, unsigned status)
{
	return reply_bytes(r, status, NULL, "", 0);
}

static unsigned status_of(enum err_class class)
{
	static const unsigned status[] = {
		[ERR_INTERNAL] = 500,
		[ERR_NOT_FOUND] = 404,
		[ERR_CONFLICT] = 409,
		[ERR_INVALID] = 400,
		[ERR_IN_USE] = 409,
		[ERR_DENIED] = 403,
		[ERR_UNSUPPORTED] = 501,
		[ERR_NO_SPACE] = 500,
	};
	return status[class];
}

int
reply_error(struct request *r, unsigned status)
{
	auto_buf struct buf text = BUF_INIT;
	err_text(&err, &text);
	/* That of a tool which did not like its command line is for who typed it. */
	if (err.hint[0] && err.status != EXIT_USAGE)
		buf_addf(&text, " (hint: %s)", err.hint);
	unsigned code = status ? status : status_of(err.class);
	/* Clients of that time show the text as it is (Docker Engine API before 1.23). */
	if (r->version < 123) {
		buf_addc(&text, '\n');
		return reply_bytes(r, code, "text/plain; charset=utf-8", text.s, text.len);
	}
	return reply_json(r, code, json_pack("{s:s}", "message", buf_str(&text)));
}
