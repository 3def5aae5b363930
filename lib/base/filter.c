/* SPDX-License-Identifier: MIT */
#include "base/filter.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"

#include <string.h>

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
