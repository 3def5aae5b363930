/* SPDX-License-Identifier: MIT
 * The pure parts of the image side: platforms, challenges, hosts, sizes and times, and the queue
 * between two threads.
 */
#include "unit.h"

#include "base/err.h"
#include "base/human.h"
#include "base/queue.h"
#include "image/challenge.h"
#include "image/fetch_head.h"
#include "image/platform.h"

#include <pthread.h>
#include <stdlib.h>

static void
platforms(void)
{
	static const struct {
		const char *want, *has;
		int rank; /* 1: any at all */
	} rows[] = {
		{"linux/amd64", "linux/amd64", 1},
		{"amd64", "linux/amd64", 1},
		{"x86_64", "linux/amd64", 1},
		{"aarch64", "linux/arm64/v8", 1},
		{"arm64/v8", "linux/arm64", 0}, /* "arm64" is taken for a system */
		{"linux/arm64/v8", "linux/arm64", 1},
		{"linux/arm/v7", "linux/arm/v6", 1},
		{"linux/arm/v6", "linux/arm/v7", 0},
		{"linux/amd64", "linux/amd64/v3", 0},
		{"linux/amd64", "windows/amd64", 0},
		{"linux/386", "linux/amd64", 0},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct platform want, has;
		CHECK(platform_parse(rows[i].want, &want) == 0, "%s", rows[i].want);
		CHECK(platform_parse(rows[i].has, &has) == 0, "%s", rows[i].has);
		int rank = platform_rank(&want, &has);
		CHECK((rank > 0) == rows[i].rank, "%s on %s: %d", rows[i].has, rows[i].want, rank);
	}
	struct platform p;
	static const char *const bad[] = {"", "/", "a//b", "a/b/c/d", "linux/", "a b"};
	for (size_t i = 0; i < N_ROWS(bad); i++)
		CHECK(platform_parse(bad[i], &p) < 0, "'%s' is taken", bad[i]);
}

static void
challenges(void)
{
	static const struct {
		const char *header, *realm, *service, *scope;
	} rows[] = {
		{"Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull\"",
			"https://a/t", "s", "repository:x:pull"},
		{"bearer  scope=y , REALM=https://a", "https://a", "", "y"},
		{"Bearer realm=\"a \\\"b\\\"\",other=\"x,y=z\",service=q", "a \"b\"", "q", ""},
		{"Bearer realm=\"never closed", "never closed", "", ""},
		{"Bearer realm", "", "", ""},
		{"Bearer", "", "", ""},
		{"", "", "", ""},
		{"Bearerx realm=\"a\"", "", "", ""},
		{"Basic realm=\"a\"", "", "", ""},
		{"Bearer =,=,,,realm=", "", "", ""},
		{"Bearer realm=\"a\", Basic realm=\"b\"", "a", "", ""},
	};
	struct challenge c;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		challenge_parse(rows[i].header, &c);
		CHECK_STR(c.realm, rows[i].realm);
		CHECK_STR(c.service, rows[i].service);
		CHECK_STR(c.scope, rows[i].scope);
	}
	challenge_parse("Basic realm=\"a\"", &c);
	CHECK(c.basic, "Basic is not seen");
	/* Too long for its place: left empty, not cut to something else. */
	char header[2000] = "Bearer realm=\"";
	memset(header + strlen(header), 'a', 1000);
	challenge_parse(header, &c);
	CHECK_STR(c.realm, "");
}

static void
hosts(void)
{
	static const struct {
		const char *host;
		bool here;
	} rows[] = {
		{"localhost", true},
		{"localhost:5000", true},
		{"127.0.0.1", true},
		{"127.8.9.1:80", true},
		{"[::1]", true},
		{"[::1]:5000", true},
		{"[::11]", false},
		{"localhost.example", false},
		{"127.0.0.1.example", false},
		{"127.example", false},
		{"127.1", false},
		{"10.0.0.1", false},
		{"registry.example:5000", false},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++)
		CHECK(host_is_loopback(rows[i].host) == rows[i].here, "%s", rows[i].host);
}

/* Who may have the password besides the registry. */
static void
realms(void)
{
	static const struct {
		const char *registry, *realm, *also;
		bool may;
	} rows[] = {
		{"a.example:5000", "a.example:5000", NULL, true},
		{"a.example:5000", "a.example:5001", NULL, false},
		{"127.0.0.1:5000", "127.0.0.1:5001", NULL, false},
		{"registry.example.org", "example.org", NULL, true},
		{"example.org", "auth.example.org", NULL, true},
		{"registry.example.org", "auth.example.org", NULL, false},
		{"registry.example.org", "auth.example.org", "auth.example.org", true},
		{"example.org", "evilexample.org", NULL, false},
		{"registry.example.org", "org", NULL, false},
		{"10.0.0.1", "0.0.1", NULL, false},
		{"registry-1.docker.io", "auth.docker.io", NULL, true},
		{"registry-1.docker.io", "auth.docker.io.evil.example", NULL, false},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++)
		CHECK(host_may_authorize(rows[i].registry, rows[i].realm, rows[i].also) ==
				rows[i].may,
			"%s for %s", rows[i].realm, rows[i].registry);
	char host[16];
	CHECK(url_host("https://a:1/b?c", host, sizeof(host)), "a URL");
	CHECK_STR(host, "a:1");
	static const char *const bad[] = {"a", "ftp://a/", "https://", "https:///x", "https://a@b/",
		"https://a\\@b/", "file:///etc", "https://a-host-that-is-too-long/"};
	for (size_t i = 0; i < N_ROWS(bad); i++)
		CHECK(!url_host(bad[i], host, sizeof(host)), "%s has no host", bad[i]);
}

static void
head_line(struct fetch_head *h, const char *line)
{
	fetch_head_line(h, line, strlen(line));
}

static void
heads(void)
{
	struct fetch_head h = {0};
	fetch_head_reset(&h);
	CHECK(h.first == -1 && h.have == -1 && !h.location, "empty");
	head_line(&h, "HTTP/1.1 401 No\r\n");
	head_line(&h, "WWW-Authenticate: Basic realm=\"a\"\r\n");
	head_line(&h, "www-authenticate:Bearer realm=\"b\"\r\n");
	head_line(&h, "WWW-Authenticate: Negotiate\r\n");
	CHECK_STR(h.challenge, "Bearer realm=\"b\"");
	head_line(&h, "Location: /first\r\n");
	head_line(&h, "Retry-After: 7\r\n");
	CHECK(h.retry_after == 7, "%u", h.retry_after);
	head_line(&h, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n");
	CHECK(h.retry_after == 0, "%u", h.retry_after);
	/* Behind a redirect. */
	head_line(&h, "HTTP/1.1 206 Partial\r\n");
	CHECK(!h.challenge[0] && !h.location, "of the first answer nothing is left");
	head_line(&h, "Content-Range: bytes 5-9/10\r\n");
	head_line(&h, "Range: 0-1023\r\n");
	head_line(&h, "Docker-Content-Digest: sha256:../../x\r\n");
	CHECK(h.first == 5 && h.have == 1024, "%lld %lld", (long long)h.first, (long long)h.have);
	CHECK_STR(h.digest, "");
	head_line(&h, "Range: bytes=0-0\r\n");
	CHECK(h.have == 0, "%lld", (long long)h.have);
	head_line(&h, "Range: 5-9\r\n");
	CHECK(h.have == -1, "%lld", (long long)h.have);
	head_line(&h, "Content-Range: bytes -9223372036854775809-1/2\r\n");
	CHECK(h.first == -1, "%lld", (long long)h.first);
	fetch_head_line(&h, "Location: a\0b", 13);
	head_line(&h, "no colon\r\n");
	head_line(&h, "\r\n");
	CHECK(!h.location, "a NUL is no part of a place");
	fetch_head_reset(&h);
}

static void
times(void)
{
	static const struct {
		const char *text;
		long long t; /* -1: refused */
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2023-11-14T22:13:20Z", 1700000000},
		{"2023-11-14T22:13:20.123456789Z", 1700000000},
		{"2023-11-15T00:13:20+02:00", 1700000000},
		{"2023-11-14T20:43:20-01:30", 1700000000},
		{"2023-11-14", -1},
		{"2023-11-14T22:13:20", -1},
		{"2023-13-14T22:13:20Z", -1},
		{"2023-11-14T22:13:20.Z", -1},
		{"2023-11-14T22:13:20Zx", -1},
		{"", -1},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		time_t t = -2;
		int r = parse_rfc3339(rows[i].text, &t);
		CHECK((r == 0) == (rows[i].t >= 0), "%s gives %d", rows[i].text, r);
		CHECK(r < 0 || t == rows[i].t, "%s is %lld", rows[i].text, (long long)t);
	}
}

static void
words(void)
{
	static const struct {
		long long n;
		const char *text;
	} sizes[] = {{0, "0B"}, {999, "999B"}, {1000, "1kB"}, {7050000, "7.05MB"},
		{123456789, "123.5MB"}, {1500000000, "1.5GB"}},
	  ages[] = {{0, "Less than a second ago"}, {1, "1 second ago"}, {59, "59 seconds ago"},
		  {60, "About a minute ago"}, {3600, "About an hour ago"},
		  {47 * 3600, "47 hours ago"}, {3 * 86400, "3 days ago"},
		  {20 * 86400, "2 weeks ago"}, {100 * 86400, "3 months ago"},
		  {800 * 86400, "2 years ago"}};
	for (size_t i = 0; i < N_ROWS(sizes); i++) {
		auto_buf struct buf b = BUF_INIT;
		human_size(sizes[i].n, &b);
		CHECK_STR(buf_str(&b), sizes[i].text);
	}
	for (size_t i = 0; i < N_ROWS(ages); i++) {
		auto_buf struct buf b = BUF_INIT;
		human_ago(1000000000, 1000000000 + ages[i].n, &b);
		CHECK_STR(buf_str(&b), ages[i].text);
	}
}

#define MANY (1 << 20)

static void *
put_many(void *self)
{
	struct queue *q = self;
	unsigned char piece[997];
	for (unsigned i = 0; i < MANY;) {
		size_t n = 1 + i % sizeof(piece);
		if (n > MANY - i)
			n = MANY - i;
		for (size_t k = 0; k < n; k++)
			piece[k] = (unsigned char)((i + k) * 7);
		if (!queue_put(q, piece, n))
			return NULL;
		i += (unsigned)n;
	}
	queue_end(q);
	return q;
}

static void
queues(void)
{
	struct queue *q = queue_new(4096);
	pthread_t t;
	const void *data;
	ssize_t n;
	unsigned seen = 0, wrong = 0;
	void *whole = NULL;
	pthread_create(&t, NULL, put_many, q);
	while ((n = queue_get(q, &data)) > 0)
		for (ssize_t i = 0; i < n; i++, seen++)
			wrong += ((const unsigned char *)data)[i] != (unsigned char)(seen * 7);
	pthread_join(t, &whole);
	CHECK(whole == q && n == 0 && seen == MANY && wrong == 0, "%u bytes, %u wrong", seen,
		wrong);
	queue_free(q);

	/* Whoever gets leaves: the other side is let go. */
	q = queue_new(4096);
	pthread_create(&t, NULL, put_many, q);
	queue_get(q, &data);
	queue_leave(q);
	pthread_join(t, &whole);
	CHECK(whole == NULL, "went on putting");
	queue_free(q);

	/* A failure is told with its words, behind what came before it. */
	q = queue_new(16);
	CHECK(queue_try_put(q, "0123456789", 10) == 1, "no room in an empty queue");
	CHECK(queue_try_put(q, "0123456789", 10) == 0, "room for 20 in 16");
	err_set(ERR_INVALID, "x", "cannot fetch x");
	queue_fail(q);
	err_clear();
	size_t got = 0;
	while ((n = queue_get(q, &data)) > 0)
		got += (size_t)n;
	CHECK(got == 10 && n == -1, "%zu bytes, then %zd", got, n);
	CHECK_STR(err.message, "cannot fetch x");
	queue_free(q);
}

int
main(void)
{
	RUN(platforms);
	RUN(challenges);
	RUN(hosts);
	RUN(realms);
	RUN(heads);
	RUN(times);
	RUN(words);
	RUN(queues);
	return unit_end();
}
