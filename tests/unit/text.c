/* SPDX-License-Identifier: MIT
 * What tools show to people: sizes, times and tables.
 */
#include "base/err.h"
#include "base/human.h"
#include "base/table.h"
#include "unit.h"

static void
sizes(void)
{
	static const struct {
		int64_t bytes;
		const char *want;
	} rows[] = {{0, "0B"}, {1, "1B"}, {999, "999B"}, {1000, "1kB"}, {1500, "1.5kB"},
		{7050000, "7.05MB"}, {123456789, "123.5MB"}, {1000000000000, "1TB"},
		{INT64_MAX, "9.223EB"}};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_buf struct buf b = BUF_INIT;
		human_size(rows[i].bytes, &b);
		CHECK_STR(buf_str(&b), rows[i].want);
	}
}

static void
ago(void)
{
	static const struct {
		time_t seconds;
		const char *want;
	} rows[] = {{-5, "Less than a second ago"}, {0, "Less than a second ago"},
		{1, "1 second ago"}, {59, "59 seconds ago"}, {60, "About a minute ago"},
		{119, "About a minute ago"}, {120, "2 minutes ago"}, {3599, "59 minutes ago"},
		{3600, "About an hour ago"}, {7200, "2 hours ago"}, {47 * 3600, "47 hours ago"},
		{48 * 3600, "2 days ago"}, {14 * 86400, "2 weeks ago"},
		{60 * 86400, "2 months ago"}, {730 * 86400, "2 years ago"}};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_buf struct buf b = BUF_INIT;
		human_ago(1700000000 - rows[i].seconds, 1700000000, &b);
		CHECK_STR(buf_str(&b), rows[i].want);
	}
}

#define BAD (-12345)

static void
times(void)
{
	static const struct {
		const char *text;
		time_t want;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2024-05-06T07:08:09Z", 1714979289},
		{"2024-05-06t07:08:09z", 1714979289},
		{"2024-05-06T07:08:09.123456789Z", 1714979289},
		{"2024-05-06T09:08:09+02:00", 1714979289},
		{"2024-05-06T01:38:09-05:30", 1714979289},
		{"1969-12-31T23:59:59Z", -1},
		{"2016-12-31T23:59:60Z", 1483228800}, /* a leap second */
		{"9999-12-31T23:59:59Z", 253402300799},
		{"2024-02-29T00:00:00Z", 1709164800},
		{"2023-02-29T00:00:00Z", BAD},
		{"2024-02-30T00:00:00Z", BAD},
		{"2024-04-31T00:00:00Z", BAD},
		{"2024-05-06", BAD},
		{"2024-05-06T07:08:09", BAD},
		{"2024-05-06T07:08:09.Z", BAD},
		{"2024-05-06T07:08:09+2:00", BAD},
		{"2024-05-06T07:08:09Zx", BAD},
		{"2024-13-06T07:08:09Z", BAD},
		{"2024-00-06T07:08:09Z", BAD},
		{"2024-05-00T07:08:09Z", BAD},
		{"2024-05-06T24:08:09Z", BAD},
		{"24-05-06T07:08:09Z", BAD},
		{"0000-05-06T07:08:09Z", BAD},
		{"2024-05-06T07:08", BAD},
		{"", BAD},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		time_t t = 77;
		int r = parse_rfc3339(rows[i].text, &t);
		CHECK((r == 0) == (rows[i].want != BAD), "'%s' gave %d, %lld", rows[i].text, r,
			(long long)t);
		if (r == 0 && rows[i].want != BAD)
			CHECK(t == rows[i].want, "'%s' gave %lld", rows[i].text, (long long)t);
		if (r < 0)
			CHECK(t == 77 && err.class == ERR_INVALID, "'%s': %lld stored",
				rows[i].text, (long long)t);
	}
	auto_buf struct buf b = BUF_INIT;
	time_rfc3339(1714979289, &b);
	CHECK_STR(b.s, "2024-05-06T07:08:09Z");
}

static void
tables(void)
{
	auto_buf struct buf b = BUF_INIT;
	struct table t = {.columns = 2};
	table_row(&t, (const char *const[]){"NAME", "SIZE"});
	table_row(&t, (const char *const[]){"a-longer-name", "1B"});
	table_row(&t, (const char *const[]){"\xc3\xa4", ""});
	table_row(&t, (const char *const[]){"x\n\x1b[31m", "2"});
	table_cell(&t, "not full");
	table_write(&t, &b);
	CHECK_STR(buf_str(&b),
		"NAME            SIZE\n"
		"a-longer-name   1B\n"
		"\xc3\xa4               \n"
		"x\\n\\x1b[31m     2\n");
	table_free(&t);
	buf_reset(&b);
	table_write(&t, &b);
	CHECK_STR(buf_str(&b), "");
}

int
main(void)
{
	RUN(sizes);
	RUN(ago);
	RUN(times);
	RUN(tables);
	return unit_end();
}
