/* SPDX-License-Identifier: MIT */
#include "base/filter.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"

#include <ctype.h>
#include <regex.h>
#include <string.h>

/* regcomp(3) of the C library goes down a level of its stack for each group, and makes a copy of
 * what a bound repeats for each time. */
#define WANT_MAX 256
#define GROUPS_MAX 20

static bool
is_key(const char *filter, size_t n, const char *key)
{
	return strlen(key) == n && strncmp(filter, key, n) == 0;
}

static int
unknown_key(const char *filter, size_t n, const char *const *keys)
{
	auto_buf struct buf known = BUF_INIT;
	for (const char *const *k = keys; *k; k++)
		buf_addf(&known, "%s%s", k > keys ? " " : "", *k);
	err_set(ERR_INVALID, filter, "Invalid filter '%.*s'", (int)n, filter);
	return err_hint("the keys are: %s", buf_str(&known));
}

int
filter_check(const struct strlist *filters, const char *const *keys)
{
	for (size_t i = 0; i < filters->n; i++) {
		const char *f = filters->v[i];
		size_t n = strcspn(f, "=");
		const char *const *k = keys;
		while (*k && !is_key(f, n, *k))
			k++;
		if (!f[n])
			return err_set(ERR_INVALID, f, "Invalid filter '%s': it is KEY=VALUE", f);
		if (!*k)
			return unknown_key(f, n, keys);
	}
	return 0;
}

bool
filter_passes(const struct strlist *filters, filter_fn *fits, const void *thing)
{
	for (size_t i = 0; i < filters->n; i++) {
		size_t n = strcspn(filters->v[i], "=");
		auto_free char *key = fmt_new("%.*s", (int)n, filters->v[i]);
		bool any = false, all = strncmp(key, "label", 5) == 0;
		for (size_t k = 0; k < filters->n && !any; k++)
			if (all ? k == i : is_key(filters->v[k], strcspn(filters->v[k], "="), key))
				any = fits(thing, key, filters->v[k] + n + 1);
		if (!any)
			return false;
	}
	return true;
}

bool
filter_label(const json_t *labels, const char *want)
{
	size_t n = strcspn(want, "=");
	const char *has = json_string_value(json_object_getn(labels, want, n));
	return has && (!want[n] || strcmp(has, want + n + 1) == 0);
}

static bool
is_cheap(const char *want)
{
	size_t n = 0, groups = 0;
	for (const char *p = want; *p; p++, n++) {
		groups += *p == '(';
		if (*p == '{' || (*p == '\\' && isdigit((unsigned char)p[1])))
			return false;
	}
	return n <= WANT_MAX && groups <= GROUPS_MAX;
}

bool
filter_name(const char *name, const char *want)
{
	auto_free char *slashed = fmt_new("/%s", name);
	regex_t re;
	if (!is_cheap(want) || regcomp(&re, want, REG_EXTENDED | REG_NOSUB) != 0)
		return strstr(slashed, want) != NULL;
	bool r = regexec(&re, name, 0, NULL, 0) == 0 || regexec(&re, slashed, 0, NULL, 0) == 0;
	regfree(&re);
	return r;
}
