/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/auto.h"
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static json_t *
parse(const char *text)
{
	return json_parse("f.json", text, strlen(text));
}

static void
refusals(void)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"", "cannot read f.json: line 1, column 0: '[' or '{' expected near end of file"},
		{"{\"a\":1,\"a\":2}", "duplicate object key"},
		{"{\"a\":1} x", "end of file expected"},
		{"{\"a\":", "line 1"},
		{"7", "expected"},
		{"{\"a\":\"\\u0000\"}", "\\u0000"},
		{"{\"a\":18446744073709551616}", "too big"},
		{"{\"a\":-18446744073709551615}", "too big"},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_json json_t *doc = parse(rows[i].text);
		CHECK(!doc, "%s was taken", rows[i].text);
		CHECK(strstr(err.message, rows[i].error) != NULL, "%s: %s", rows[i].text,
			err.message);
		CHECK(err.class == ERR_INVALID, "class %d", (int)err.class);
	}
}

static void
depth(void)
{
	char text[400];
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	text[2 * JSON_DEPTH_MAX] = '\0';
	auto_json json_t *deep = parse(text);
	CHECK(deep != NULL, "%s", err.message);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	auto_json json_t *deeper = parse(text);
	CHECK(!deeper, "one level too many was taken");
	CHECK(strstr(err.message, "deeper than 64 levels") != NULL, "%s", err.message);
	/* Brackets in a string are no levels. */
	strcpy(text, "[\"\\\"");
	memset(text + 4, '{', 100);
	strcpy(text + 104, "\"]");
	auto_json json_t *string = parse(text);
	CHECK(string != NULL, "%s", err.message);
}

static void
numbers(void)
{
	auto_json json_t *doc = parse("{\"top\":18446744073709551615,\"nine\":9223372036854775807,"
				      "\"ten\":9223372036854775808,\"minus\":-1,\"half\":0.5,"
				      "\"word\":\"7\",\"null\":null,\"e\":1e19}");
	CHECK(doc != NULL, "%s", err.message);
	struct jat top = jat_top("f.json", doc);
	uint64_t n = 1;
	CHECK(jat_get_u64(&top, "top", UINT64_MAX, &n) == 0 && n == UINT64_MAX, "%" PRIu64, n);
	CHECK(jat_get_u64(&top, "nine", UINT64_MAX, &n) == 0 && n == INT64_MAX, "%" PRIu64, n);
	CHECK(jat_get_u64(&top, "ten", UINT64_MAX, &n) == 0 && n == (uint64_t)INT64_MAX + 1,
		"%" PRIu64, n);
	CHECK(jat_get_u64(&top, "ten", 100, &n) < 0, "%" PRIu64, n);
	CHECK_STR(err.message, "f.json: ten is not a whole number from 0 to 100");
	n = 42;
	CHECK(jat_get_u64(&top, "absent", 100, &n) == 0 && n == 42, "%" PRIu64, n);
	CHECK(jat_get_u64(&top, "null", 100, &n) == 0 && n == 42, "%" PRIu64, n);
	CHECK(jat_get_u64(&top, "minus", 100, &n) < 0, "minus was taken");
	CHECK(jat_get_u64(&top, "half", 100, &n) < 0, "a half was taken");
	CHECK(jat_get_u64(&top, "word", 100, &n) < 0, "a word was taken");
	CHECK(jat_get_u64(&top, "e", UINT64_MAX, &n) < 0, "1e19 was taken");
}

static void
places(void)
{
	auto_json json_t *doc = parse("{\"process\":{\"args\":[\"a\",2],\"user\":{\"uid\":true}}}");
	struct jat top = jat_top("config.json", doc), process, args, user;
	const char *s = "before";
	uint64_t n;
	bool flag = false;
	CHECK(jat_get_object(&top, "process", &process) == 0, "%s", err.message);
	CHECK(jat_get_array(&process, "args", &args) == 0 && jat_len(&args) == 2, "%zu",
		jat_len(&args));
	struct jat second = jat_item(&args, 1), third = jat_item(&args, 2);
	CHECK(jat_str(&second, &s) < 0, "a number was taken for a string");
	CHECK_STR(err.message, "config.json: process.args[1] is not a string");
	CHECK_STR(s, "before");
	CHECK(jat_str(&third, &s) == 0 && !third.v, "there is no third");
	CHECK(jat_need(&third) < 0, "there is no third");
	CHECK_STR(err.message, "config.json: process.args[2] is missing");
	CHECK(jat_get_object(&process, "user", &user) == 0, "%s", err.message);
	CHECK(jat_get_u64(&user, "uid", 10, &n) < 0, "true was taken for a number");
	CHECK_STR(err.object, "process.user.uid");
	CHECK(jat_get_bool(&user, "uid", &flag) == 0 && flag, "it is true");
	CHECK(jat_get_array(&process, "user", &args) < 0, "an object was taken for a list");
	CHECK(jat_get_object(&process, "args", &user) < 0, "a list was taken for an object");
}

static void
texts(void)
{
	auto_json json_t *doc = parse("{\"a\":\"b\",\"n\":1,\"z\":null}");
	CHECK_STR(json_text(doc, "a"), "b");
	CHECK_STR(json_text(doc, "n"), "");
	CHECK_STR(json_text(doc, "z"), "");
	CHECK_STR(json_text(doc, "none"), "");
	CHECK_STR(json_text(NULL, "a"), "");
}

static void
without(void)
{
	static const struct {
		const char *member, *text, *rest; /* rest NULL: refused */
	} rows[] = {
		{"h", "{\"a\":1,\"h\":{\"x\":[\"}\"]},\"b\":2}", "{\"a\":1,\"h\":null,\"b\":2}"},
		{"h", " {\n  \"h\": [ 1, {} ],\n  \"b\": {\"h\": {}}}",
			"{\"h\":null,\"b\":{\"h\":{}}}"},
		/* Only members of that object, by their name, with a value of that kind. */
		{"h", "{\"b\":{\"h\":{}},\"c\":[{\"h\":[]}]}",
			"{\"b\":{\"h\":{}},\"c\":[{\"h\":[]}]}"},
		{"h", "{\"a\":\"h\",\"h\":7}", "{\"a\":\"h\",\"h\":7}"},
		{"h", "{\"a\\\"h\":{},\"hh\":{}}", "{\"a\\\"h\":{},\"hh\":{}}"},
		{"h", "[\"h\",{}]", "[\"h\",{}]"},
		{"a.h", "{\"h\":[1],\"a\":{\"h\":{\"x\":1}},\"c\":{\"h\":{}}}",
			"{\"h\":[1],\"a\":{\"h\":null},\"c\":{\"h\":{}}}"},
		{"a.h", "{\"a\":{\"x\":1},\"h\":{}}", "{\"a\":{\"x\":1},\"h\":{}}"},
		{"h", "{\"h\":{\"x\":1", NULL},
		{"h", "{\"h\":{}} }", NULL},
		{"h", "", NULL},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		char name[32];
		auto_fd int fd = memfd_create("json", MFD_CLOEXEC);
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		CHECK(dprintf(fd, "%s", rows[i].text) >= 0, "cannot write %s", name);
		auto_json json_t *doc = json_read_without(name, 1000, rows[i].member);
		char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
		CHECK(!text == !rows[i].rest, "row %zu: %s", i, text ? text : err.message);
		if (text && rows[i].rest)
			CHECK_STR(text, rows[i].rest);
		free(text);
	}
}

int
main(void)
{
	RUN(refusals);
	RUN(depth);
	RUN(numbers);
	RUN(places);
	RUN(texts);
	RUN(without);
	return unit_end();
}
