/* SPDX-License-Identifier: MIT */
#include "base/human.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

void
human_size(int64_t bytes, struct buf *out)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double n = (double)bytes;
	size_t u = 0;
	while (n >= 1000 && u < sizeof(units) / sizeof(units[0]) - 1) {
		n /= 1000;
		u++;
	}
	buf_addf(out, "%.4g%s", n, units[u]);
}

void
human_ago(time_t then, time_t now, struct buf *out)
{
	long long s = now > then ? now - then : 0, m = s / 60, h = m / 60, d = h / 24;
	if (s < 1)
		buf_adds(out, "Less than a second ago");
	else if (s < 60)
		buf_addf(out, "%lld second%s ago", s, s == 1 ? "" : "s");
	else if (m == 1)
		buf_adds(out, "About a minute ago");
	else if (m < 60)
		buf_addf(out, "%lld minutes ago", m);
	else if (h == 1)
		buf_adds(out, "About an hour ago");
	else if (h < 48)
		buf_addf(out, "%lld hours ago", h);
	else if (d < 14)
		buf_addf(out, "%lld days ago", d);
	else if (d < 60)
		buf_addf(out, "%lld weeks ago", d / 7);
	else if (d < 2LL * 365)
		buf_addf(out, "%lld months ago", d / 30);
	else
		buf_addf(out, "%lld years ago", d / 365);
}

void
time_rfc3339(time_t t, struct buf *out)
{
	struct tm tm;
	char text[32] = "";
	if (gmtime_r(&t, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_adds(out, text);
}

/* Exactly n digits. Moves *s behind them; -1 where there are fewer. */
static int
digits(const char **s, int n)
{
	int v = 0;
	for (; n > 0; n--, ++*s) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v;
}

/* n digits of at least min, and then one of the characters of `after`. */
static int
field(const char **s, int n, int min, int max, const char *after, int *out)
{
	*out = digits(s, n);
	if (*out < min || *out > max)
		return -1;
	if (!*after)
		return 0;
	return **s && strchr(after, *(*s)++) ? 0 : -1;
}

/* "Z", "+02:00": seconds east of UTC. */
static int
offset(const char **s, int *east)
{
	int h, m, sign = **s == '-' ? -1 : 1;
	*east = 0;
	if (**s == 'Z' || **s == 'z') {
		++*s;
		return 0;
	}
	if (**s != '+' && **s != '-')
		return -1;
	++*s;
	if (field(s, 2, 0, 23, ":", &h) < 0 || field(s, 2, 0, 59, "", &m) < 0)
		return -1;
	*east = sign * (h * 3600 + m * 60);
	return 0;
}

int
parse_rfc3339(const char *text, time_t *t)
{
	const char *s = text;
	struct tm tm = {0};
	int east;
	if (field(&s, 4, 1, 9999, "-", &tm.tm_year) < 0 ||
		field(&s, 2, 1, 12, "-", &tm.tm_mon) < 0 ||
		field(&s, 2, 1, 31, "Tt ", &tm.tm_mday) < 0 ||
		field(&s, 2, 0, 23, ":", &tm.tm_hour) < 0 ||
		field(&s, 2, 0, 59, ":", &tm.tm_min) < 0 || field(&s, 2, 0, 60, "", &tm.tm_sec) < 0)
		goto bad;
	if (*s == '.') {
		size_t n = strspn(s + 1, "0123456789");
		if (n == 0)
			goto bad;
		s += 1 + n;
	}
	if (offset(&s, &east) < 0 || *s)
		goto bad;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	/* timegm(3) takes the 30th of February for the 1st of March. */
	struct tm day = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday};
	timegm(&day);
	if (day.tm_mday != tm.tm_mday)
		goto bad;
	*t = timegm(&tm) - east;
	return 0;
bad:
	return err_set(
		ERR_INVALID, text, "'%.60s' is not a time such as 2024-05-06T07:08:09Z", text);
}

const char *
time_rfc3339_ns(int64_t ns, char text[TIME_TEXT])
{
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;
	if (ns <= 0) {
		snprintf(text, TIME_TEXT, "0001-01-01T00:00:00Z");
		return text;
	}
	size_t n = strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", gmtime_r(&s, &tm));
	snprintf(text + n, TIME_TEXT - n, ".%09dZ", (int)(ns % 1000000000));
	return text;
}
