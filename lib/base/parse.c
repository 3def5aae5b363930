/* SPDX-License-Identifier: MIT */
#include "base/parse.h"

#include "base/err.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

bool
is_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

int
parse_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = *s == '-', over = false;
	const char *p = s + negative;
	if (!is_digits(p))
		return err_set(ERR_INVALID, s, "'%s' is not a whole number", s);
	int64_t n = 0;
	/* Digits are taken away from a negative number, for the least one has no counterpart. */
	for (; *p && !over; p++)
		over = __builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, negative ? '0' - *p : *p - '0', &n);
	if (over || n < min || n > max)
		return err_set(ERR_INVALID, s, "%s is out of range (%lld to %lld)", s,
			(long long)min, (long long)max);
	*out = n;
	return 0;
}

/* A decimal fraction "1.5" times `unit`, exact to the last digit that counts: doubles would turn
 * 0.1 of a cpu into 99999999 billionths. Stores where the number ended. */
static int
parse_fraction(const char *s, const char **end, int64_t unit, int64_t *out)
{
	int64_t whole = 0, part = 0, scale = unit;
	const char *p = s;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
			__builtin_add_overflow(whole, *p - '0', &whole))
			return -1;
	if (p == s)
		return -1;
	if (*p == '.') {
		const char *first = ++p;
		for (; isdigit((unsigned char)*p); p++) {
			/* digit * (scale / 10) may lose what is below one unit: that is the
			 * rounding down. */
			part += (int64_t)(*p - '0') * (scale / 10) + (*p - '0') * (scale % 10) / 10;
			scale /= 10;
		}
		if (p == first)
			return -1;
	}
	if (__builtin_mul_overflow(whole, unit, &whole) || __builtin_add_overflow(whole, part, out))
		return -1;
	*end = p;
	return 0;
}

int
parse_size(const char *s, int64_t *bytes)
{
	static const char units[] = "bkmgtp";
	const char *digits_end = s + strspn(s, "0123456789.");
	const char *unit = digits_end;
	int64_t factor = 1;
	if (*unit) {
		const char *u = strchr(units, tolower((unsigned char)*unit));
		if (!u)
			return err_set(
				ERR_INVALID, s, "'%s' is not a size (such as 512M or 1.5G)", s);
		factor = (int64_t)1 << (10 * (u - units));
		unit++;
		if (factor > 1 && (strcasecmp(unit, "b") == 0 || strcasecmp(unit, "ib") == 0))
			unit += strlen(unit);
	}
	const char *end;
	int64_t n;
	if (*unit || parse_fraction(s, &end, factor, &n) < 0 || end != digits_end)
		return err_set(ERR_INVALID, s, "'%s' is not a size (such as 512M or 1.5G)", s);
	*bytes = n;
	return 0;
}

int
parse_cpus(const char *s, int64_t *nano)
{
	const char *end;
	int64_t n;
	if (parse_fraction(s, &end, 1000000000, &n) < 0 || *end || n <= 0)
		return err_set(ERR_INVALID, s, "'%s' is not a number of cpus (such as 1.5)", s);
	*nano = n;
	return 0;
}

/* One "1.5h" at *p, added to *total; *p moves behind it. */
static int
add_duration(const char **p, int64_t *total)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000},
		{"m", 60000000000}, {"h", 3600000000000}};
	const char *unit = *p + strspn(*p, "0123456789."), *end;
	size_t len = strspn(unit, "numsh");
	int64_t n;
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		if (strlen(units[u].name) != len || strncmp(units[u].name, unit, len) != 0)
			continue;
		if (parse_fraction(*p, &end, units[u].ns, &n) < 0 || end != unit ||
			__builtin_add_overflow(*total, n, total))
			return -1;
		*p = unit + len;
		return 0;
	}
	return -1;
}

int
parse_duration(const char *s, int64_t *ns)
{
	const char *p = s;
	int64_t total = 0;
	if (is_digits(s)) {
		if (parse_fraction(s, &p, 1000000000, &total) < 0)
			p = s;
	} else {
		while (*p && add_duration(&p, &total) == 0)
			;
	}
	if (*p || p == s)
		return err_set(ERR_INVALID, s, "'%s' is not a duration (such as 10s or 1m30s)", s);
	*ns = total;
	return 0;
}

static bool
name_chars(const char *s, size_t n)
{
	if (n == 0 || !isalnum((unsigned char)s[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_.-", s[i]))
			return false;
	return true;
}

int
parse_name(const char *what, const char *s, unsigned max)
{
	size_t n = strlen(s);
	if (n > max)
		return err_set(ERR_INVALID, s, "%s '%s' is longer than %u bytes", what, s, max);
	if (!name_chars(s, n))
		return err_set(ERR_INVALID, s,
			"%s '%s' is not made of letters, digits and (after the first) _ . -", what,
			s);
	return 0;
}

int
parse_name_path(const char *what, const char *s)
{
	for (const char *p = s;; p++) {
		size_t n = strcspn(p, "/");
		if (n > NAME_MAX)
			return err_set(ERR_INVALID, s, "%s '%s' has a part longer than %d bytes",
				what, s, NAME_MAX);
		if (!name_chars(p, n))
			return err_set(ERR_INVALID, s,
				"%s '%s' is not made of letters, digits and (after the first) _ . -, with / between parts",
				what, s);
		p += n;
		if (!*p)
			return 0;
	}
}
