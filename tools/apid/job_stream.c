/* SPDX-License-Identifier: MIT
 * What a tool prints, as the body of an answer, while it prints it.
 */
#include "base/err.h"
#include "job.h"

#include <stdlib.h>
#include <string.h>

/* What a line that tells one has in it. */
#define FAILURE "\"errorDetail\""

struct pass {
	struct job *job;
	const struct request *r;
	struct buf ready; /* to be sent; [at..len) */
	size_t at;
	bool over, told; /* the tool has said itself that it failed */
};

static void
pass_end(void *self)
{
	struct pass *p = self;
	job_free(p->job);
	buf_free(&p->ready);
	free(p);
}

static ssize_t
pass_read(void *self, char *to, size_t n)
{
	struct pass *p = self;
	ssize_t got = job_read(p->job, p->r, to, n);
	/* A failure in the middle: the body has no proper end, and the client notices. */
	if (got == 0 && job_result(p->job) < 0)
		return -1;
	return got;
}

static struct pass *
pass_new(struct request *r, struct job *j)
{
	struct pass *p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->job = j;
	p->r = r;
	return p;
}

static unsigned
lines_in(const struct buf *b)
{
	unsigned n = 0;
	for (size_t i = 0; i < b->len; i++)
		n += b->s[i] == '\n';
	return n;
}

/* Until it has printed more than so many lines, or failed: then nothing of it was sent. */
static int
first(struct request *r, struct job *j, unsigned lines)
{
	bool more;
	job_fed(j);
	do
		more = job_peek(j, r);
	while (more && lines && lines_in(&j->read) <= lines);
	/* Not at its end: nobody is there any more to whom it could be of use. */
	if (!more && j->out >= 0)
		err_set(ERR_CONFLICT, NULL, "%s: the client is gone", j->name);
	else if (more || job_result(j) == 0)
		return 0;
	job_free(j);
	return -1;
}

int
job_stream(struct request *r, struct job *j, const char *type)
{
	if (first(r, j, 0) < 0)
		return -1;
	const struct source s = {pass_read, pass_end, pass_new(r, j)};
	return reply_stream(r, 200, type, &s);
}

/* ---- JSON lines ---- */

static void
add_lines(struct pass *p, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n')
			buf_addc(&p->ready, '\r');
		buf_addc(&p->ready, data[i]);
	}
	if (n && memmem(data, n, FAILURE, sizeof(FAILURE) - 1))
		p->told = true;
}

/* `errorDetail` is what Docker's client looks at, `error` what others do. */
static void
add_failure(struct pass *p)
{
	auto_buf struct buf text = BUF_INIT;
	if (p->told)
		return;
	err_text(&err, &text);
	buf_adds(&p->ready, "{\"errorDetail\":{\"message\":");
	buf_add_json(&p->ready, buf_str(&text));
	buf_adds(&p->ready, "},\"error\":");
	buf_add_json(&p->ready, buf_str(&text));
	buf_adds(&p->ready, "}\r\n");
}

static ssize_t
lines_read(void *self, char *to, size_t n)
{
	struct pass *p = self;
	char data[16384];
	while (p->at == p->ready.len) {
		if (p->over)
			return 0;
		buf_reset(&p->ready);
		p->at = 0;
		ssize_t got = job_read(p->job, p->r, data, sizeof(data));
		if (got < 0)
			return -1;
		if (got > 0)
			add_lines(p, data, (size_t)got);
		else if (job_result(p->job) < 0)
			add_failure(p);
		p->over = got == 0;
	}
	size_t have = p->ready.len - p->at;
	n = n < have ? n : have;
	memcpy(to, p->ready.s + p->at, n);
	p->at += n;
	return (ssize_t)n;
}

/* A tool that tells its failures in such lines may have nothing else to say. */
static bool
failed_at_once(struct job *j)
{
	const char *line = buf_str(&j->read), *end = strchr(line, '\n');
	size_t n = end ? (size_t)(end - line) : j->read.len;
	return memmem(line, n, FAILURE, sizeof(FAILURE) - 1) && job_result(j) < 0;
}

int
job_stream_json(struct request *r, struct job *j, unsigned held)
{
	if (first(r, j, held) < 0)
		return -1;
	if (failed_at_once(j)) {
		job_free(j);
		return -1;
	}
	const struct source s = {lines_read, pass_end, pass_new(r, j)};
	return reply_stream(r, 200, "application/json", &s);
}
