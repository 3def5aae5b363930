/* SPDX-License-Identifier: MIT
 * Text to numbers: what is taken, what is refused, and that nothing overflows.
 */
#include "base/parse.h"

#include "base/err.h"
#include "unit.h"

#include <limits.h>
#include <stdlib.h>

#define REFUSED INT64_MIN

/* A row: the text, and the number it stands for, or REFUSED. */
struct row {
	const char *text;
	int64_t want;
};

static void
check_rows(int (*fn)(const char *, int64_t *), const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t got = -77;
		err_clear();
		int r = fn(rows[i].text, &got);
		if (rows[i].want == REFUSED) {
			CHECK(r == -1, "'%s' gave %lld", rows[i].text, (long long)got);
			CHECK(err.class == ERR_INVALID, "class of '%s': %d", rows[i].text,
				err.class);
			CHECK(strstr(err.message, rows[i].text), "'%s' is not in '%s'",
				rows[i].text, err.message);
			CHECK(got == -77, "'%s' was refused, and %lld stored", rows[i].text,
				(long long)got);
		} else {
			CHECK(r == 0, "'%s': %s", rows[i].text, err.message);
			CHECK(got == rows[i].want, "'%s' gave %lld, wanted %lld", rows[i].text,
				(long long)got, (long long)rows[i].want);
		}
	}
}

static int
whole_range(const char *s, int64_t *n)
{
	return parse_int(s, INT64_MIN, INT64_MAX, n);
}

static int
percent(const char *s, int64_t *n)
{
	return parse_int(s, 0, 100, n);
}

static void
integers(void)
{
	static const struct row any[] = {
		{"0", 0}, {"-0", 0}, {"007", 7}, {"-12", -12}, {"9223372036854775807", INT64_MAX},
		{"-9223372036854775807", -INT64_MAX}, {"9223372036854775808", REFUSED},
		{"99999999999999999999999", REFUSED}, {"", REFUSED}, {"-", REFUSED},
		{"--1", REFUSED}, {"+1", REFUSED}, {" 1", REFUSED}, {"1 ", REFUSED},
		{"1\n", REFUSED}, {"0x10", REFUSED}, {"1e3", REFUSED}, {"1.0", REFUSED},
		{"\xd9\xa1", REFUSED}, /* an Arabic digit */
	};
	static const struct row small[] = {
		{"0", 0}, {"100", 100}, {"101", REFUSED}, {"-1", REFUSED}, {"4294967396", REFUSED}};
	check_rows(whole_range, any, N_ROWS(any));
	check_rows(percent, small, N_ROWS(small));
}

/* The least number has no positive counterpart: negating it last would overflow. */
static void
least_integer(void)
{
	int64_t n = 0;
	CHECK(parse_int("-9223372036854775808", INT64_MIN, INT64_MAX, &n) == 0, "%s", err.message);
	CHECK(n == INT64_MIN, "gave %lld", (long long)n);
	CHECK(parse_int("-9223372036854775809", INT64_MIN, INT64_MAX, &n) == -1, "gave %lld",
		(long long)n);
}

static void
sizes(void)
{
	static const struct row rows[] = {
		{"0", 0},
		{"1", 1},
		{"512b", 512},
		{"512B", 512},
		{"1k", 1024},
		{"1K", 1024},
		{"1kb", 1024},
		{"1KiB", 1024},
		{"10M", 10485760},
		{"10mb", 10485760},
		{"1.5GiB", 1610612736},
		{"0.5k", 512},
		{".5k", REFUSED},
		{"1.k", REFUSED},
		{"1.5", 1},
		{"1.0000000000000000000000001k", 1024},
		{"2t", 2199023255552},
		{"8191p", 8191LL << 50},
		{"8192p", REFUSED},
		{"9223372036854775807", INT64_MAX},
		{"9223372036854775808", REFUSED},
		{"9007199254740991k", 9007199254740991LL << 10},
		{"9007199254740992k", REFUSED},
		{"1bb", REFUSED},
		{"1ib", REFUSED},
		{"1kk", REFUSED},
		{"1kbx", REFUSED},
		{"1e3", REFUSED},
		{"-1", REFUSED},
		{"", REFUSED},
		{"k", REFUSED},
		{"1..5k", REFUSED},
		{"1.5.5k", REFUSED},
		{" 1k", REFUSED},
		{"1 k", REFUSED},
		{"unlimited", REFUSED},
		{"\xff", REFUSED},
	};
	check_rows(parse_size, rows, N_ROWS(rows));
}

static void
cpus(void)
{
	static const struct row rows[] = {
		{"1", 1000000000},
		{"1.5", 1500000000},
		{"0.1", 100000000},
		{"0.000000001", 1},
		{"0.0000000001", REFUSED}, /* less than what can be said */
		{"0.123456789", 123456789},
		{"0", REFUSED},
		{"0.0", REFUSED},
		{"-1", REFUSED},
		{"1.", REFUSED},
		{".5", REFUSED},
		{"1,5", REFUSED},
		{"1.5x", REFUSED},
		{"9223372036", 9223372036000000000},
		{"9223372037", REFUSED},
		{"", REFUSED},
	};
	check_rows(parse_cpus, rows, N_ROWS(rows));
}

static void
durations(void)
{
	static const struct row rows[] = {
		{"90", 90000000000},
		{"90s", 90000000000},
		{"1m30s", 90000000000},
		{"1.5h", 5400000000000},
		{"500ms", 500000000},
		{"10us", 10000},
		{"7ns", 7},
		{"0", 0},
		{"0s", 0},
		{"1h1m1s1ms1us1ns", 3661001001001},
		{"0.5", REFUSED}, /* of what? */
		{"1.5ns", 1},
		{"m", REFUSED},
		{"1x", REFUSED},
		{"1sm", REFUSED},
		{"s1", REFUSED},
		{"1m30", REFUSED},
		{"-1s", REFUSED},
		{"1 s", REFUSED},
		{"9223372036", 9223372036000000000},
		{"9223372037", REFUSED},
		{"2562047h", 9223369200000000000},
		{"2562048h", REFUSED},
		{"2562047h2562047h", REFUSED},
		{"", REFUSED},
	};
	check_rows(parse_duration, rows, N_ROWS(rows));
}

static void
names(void)
{
	static const struct {
		const char *text;
		bool name, path;
	} rows[] = {
		{"a", true, true},
		{"a.b-c_d9", true, true},
		{"9", true, true},
		{"a/b", false, true},
		{"a/b/c", false, true},
		{"", false, false},
		{".", false, false},
		{"..", false, false},
		{".a", false, false},
		{"-a", false, false},
		{"_a", false, false},
		{"a/", false, false},
		{"/a", false, false},
		{"a//b", false, false},
		{"a/../b", false, false},
		{"a/./b", false, false},
		{"a/.b", false, false},
		{"a b", false, false},
		{"a\nb", false, false},
		{"a:b", false, false},
		{"a*", false, false},
		{"\xc3\xa4", false, false},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		CHECK((parse_name("group", rows[i].text, 255) == 0) == rows[i].name, "name '%s'",
			rows[i].text);
		CHECK((parse_name_path("group", rows[i].text) == 0) == rows[i].path, "path '%s'",
			rows[i].text);
	}
}

/* One byte too long is refused, and the message is cut, not overrun. */
static void
long_names(void)
{
	char name[NAME_MAX + 2];
	memset(name, 'a', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	CHECK(parse_name("group", name, NAME_MAX) == -1, "%d bytes passed", NAME_MAX + 1);
	CHECK(parse_name_path("group", name) == -1, "%d bytes passed", NAME_MAX + 1);
	CHECK(strlen(err.message) < sizeof(err.message), "message of %zu bytes",
		strlen(err.message));
	name[NAME_MAX] = '\0';
	CHECK(parse_name("group", name, NAME_MAX) == 0, "%s", err.message);
	CHECK(parse_name_path("group", name) == 0, "%s", err.message);
}

static void
digits(void)
{
	CHECK(is_digits("0123456789"), "digits");
	CHECK(!is_digits(""), "nothing is no number");
	CHECK(!is_digits("1a") && !is_digits("a1") && !is_digits("-1") && !is_digits("1 "),
		"not only digits");
}

int
main(void)
{
	RUN(integers);
	RUN(least_integer);
	RUN(sizes);
	RUN(cpus);
	RUN(durations);
	RUN(names);
	RUN(long_names);
	RUN(digits);
	return unit_end();
}
