/* SPDX-License-Identifier: MIT
 * How references are read: the cases of distribution/reference and of Docker's own habits.
 */
#include "unit.h"

#include "base/err.h"
#include "image/ref.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA "sha256:" HEX
#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10
#define A128 A100 A10 A10 "aaaaaaaa"

static void
good(void)
{
	static const struct {
		const char *text, *full, *familiar, *id;
	} rows[] = {
		{"alpine", "docker.io/library/alpine:latest", "alpine:latest", ""},
		{"alpine:3", "docker.io/library/alpine:3", "alpine:3", ""},
		{"library/alpine:3", "docker.io/library/alpine:3", "alpine:3", ""},
		{"docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest", ""},
		{"docker.io/library/alpine", "docker.io/library/alpine:latest", "alpine:latest",
			""},
		{"index.docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest", ""},
		{"user/app", "docker.io/user/app:latest", "user/app:latest", ""},
		{"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest", ""},
		{"localhost/a", "localhost/a:latest", "localhost/a:latest", ""},
		{"localhost:5000/a/b", "localhost:5000/a/b:latest", "localhost:5000/a/b:latest",
			""},
		{"localhost:5000/a/b:1", "localhost:5000/a/b:1", "localhost:5000/a/b:1", ""},
		{"127.0.0.1:5000/x", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest", ""},
		{"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest", ""},
		{"[fe80::1]/x:v1", "[fe80::1]/x:v1", "[fe80::1]/x:v1", ""},
		{"Host/x", "Host/x:latest", "Host/x:latest", ""},
		{"host/x", "docker.io/host/x:latest", "host/x:latest", ""},
		{"host.example/x", "host.example/x:latest", "host.example/x:latest", ""},
		{"host.example/x@" SHA, "host.example/x@" SHA, "host.example/x@" SHA, ""},
		{"x@" SHA, "docker.io/library/x@" SHA, "x@" SHA, ""},
		{"x:3@" SHA, "docker.io/library/x@" SHA, "x@" SHA, ""},
		{"a.b", "docker.io/library/a.b:latest", "a.b:latest", ""},
		{"a:5000", "docker.io/library/a:5000", "a:5000", ""},
		{"a__b/c---d/e_f.g", "docker.io/a__b/c---d/e_f.g:latest", "a__b/c---d/e_f.g:latest",
			""},
		{"x:_T.a-g", "docker.io/library/x:_T.a-g", "x:_T.a-g", ""},
		{"x:" A128, "docker.io/library/x:" A128, "x:" A128, ""},
		{"docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest", ""},
		/* Without its host, "localhost/c" would be something else. */
		{"docker.io/localhost/c", "docker.io/localhost/c:latest",
			"docker.io/localhost/c:latest", ""},
		/* A name, or the beginning of an id: who looks it up decides. */
		{"beef", "docker.io/library/beef:latest", "beef:latest", "beef"},
		{"sha256:4b31", "docker.io/library/sha256:4b31", "sha256:4b31", "4b31"},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct ref r;
		auto_buf struct buf full = BUF_INIT, familiar = BUF_INIT;
		CHECK(ref_parse(rows[i].text, &r) == 0, "%s: %s", rows[i].text, err.message);
		ref_full(&r, &full);
		ref_familiar(&r, &familiar);
		CHECK_STR(buf_str(&full), rows[i].full);
		CHECK_STR(buf_str(&familiar), rows[i].familiar);
		CHECK_STR(r.id, rows[i].id);
	}
}

/* What is printed is read back as the same. */
static void
round_trip(void)
{
	static const char *const texts[] = {"alpine", "a/b:1", "docker.io/a.b/c",
		"docker.io/localhost/c", "docker.io/library/a/b", "localhost/x", "x@" SHA,
		"[::1]:80/a"};
	for (size_t i = 0; i < N_ROWS(texts); i++) {
		struct ref r, again;
		auto_buf struct buf familiar = BUF_INIT, full = BUF_INIT, full2 = BUF_INIT;
		CHECK(ref_parse(texts[i], &r) == 0, "%s", texts[i]);
		ref_familiar(&r, &familiar);
		CHECK(ref_parse(familiar.s, &again) == 0, "%s", familiar.s);
		ref_full(&r, &full);
		ref_full(&again, &full2);
		CHECK_STR(full2.s, full.s);
	}
}

static void
ids(void)
{
	static const char *const texts[] = {HEX, SHA};
	for (size_t i = 0; i < N_ROWS(texts); i++) {
		struct ref r;
		CHECK(ref_parse(texts[i], &r) == 0, "%s: %s", texts[i], err.message);
		CHECK_STR(r.id, HEX);
		CHECK_STR(r.host, "");
		CHECK(ref_parse_name(texts[i], &r) < 0, "%s is taken for a name", texts[i]);
	}
}

static void
bad(void)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
		{"", "empty"},
		{":tag", "name is missing"},
		{"@" SHA, "name is missing"},
		{"Alpine", "lower case"},
		{"host.example/Alpine", "lower case"},
		{"a//b", "a-z 0-9"},
		{"a/", "a-z 0-9"},
		{"/a", "a-z 0-9"},
		{"-a", "a-z 0-9"},
		{"a-", "a-z 0-9"},
		{"a..b", "a-z 0-9"},
		{"a___b", "a-z 0-9"},
		{"a/../b", "a-z 0-9"},
		{"../b", "no host"},
		{"a\nb", "a-z 0-9"},
		{"a b", "a-z 0-9"},
		{"host.example:x/a", "no host"},
		{"-host.example/a", "no host"},
		{"[::1/a", "no host"},
		{"a:", "a tag has"},
		{"a:.b", "a tag has"},
		{"a:b/c", "no host"},
		{"a:b:c", "a-z 0-9"},
		{"x:" A128 "a", "longer than 128"},
		{A100 A100 "/" A100, "longer than 255"},
		{A100 A100 A100 A100 A100 A100, "too long"},
		{"a@sha256:1234", "not a digest"},
		{"a@sha512:1234", "not a digest"},
		{"a@sha256:../../../../../../../etc/passwd", "not a digest"},
		{"a@" SHA "0", "not a digest"},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct ref r;
		CHECK(ref_parse(rows[i].text, &r) < 0, "'%s' is taken", rows[i].text);
		CHECK(strstr(err.message, rows[i].part), "'%s' gives '%s'", rows[i].text,
			err.message);
		CHECK(err.class == ERR_INVALID, "'%s'", rows[i].text);
	}
}

static void
digests(void)
{
	CHECK(digest_ok(SHA), "a digest is refused");
	CHECK(!digest_ok(HEX), "without sha256:");
	CHECK(!digest_ok("sha256:" A10), "too short");
	CHECK(!digest_ok(SHA "/"), "something behind");
	CHECK(!digest_ok("sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
		"capitals");
	CHECK_STR(digest_hex(SHA), HEX);
}

int
main(void)
{
	RUN(good);
	RUN(round_trip);
	RUN(ids);
	RUN(bad);
	RUN(digests);
	return unit_end();
}
