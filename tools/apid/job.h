/* SPDX-License-Identifier: MIT
 * Running a tool for a request. A tool says on the last line of its standard error, as JSON, of
 * which class its failure is (TACKLEBOX_ERRORS=json): nobody here reads messages.
 */
#ifndef APID_JOB_H
#define APID_JOB_H

#include "base/opt.h"
#include "http.h"

#include <pthread.h>
#include <sys/types.h>

/* The door tells its steps, and sets the environment, one at a time. */
extern pthread_mutex_t door;

struct job {
	const char *name;
	pid_t pid;
	int pidfd;
	int in, out, error; /* ours of its standard streams; -1: closed */
	struct buf read; /* of its output, not taken yet; [at..len) */
	size_t at;
	struct buf said; /* on its standard error */
	bool refused; /* it reads no more of its input */
	bool ended;
	int status;
};

/* A list of words, each copied. */
void word(struct strlist *l, const char *s);
void wordf(struct strlist *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void words_free(struct strlist *l);

/* Starts it; the words are freed. With `input` job_feed() may be called, otherwise it has none.
 * `extra` becomes its descriptor 3 (0: none). NULL with `err` set. */
struct job *job_start(const char *why, struct strlist *words, bool input, int extra);
/* Gives it these bytes. What it prints meanwhile is kept. -1 with `err` set when that is too much;
 * a tool that wants no more is no error yet. */
int job_feed(struct job *j, const char *p, size_t n);
/* No more input. */
void job_fed(struct job *j);
/* The next bytes it prints, up to n: how many, 0 at the end, -1 when the client of r is gone. */
ssize_t job_read(struct job *j, const struct request *r, char *p, size_t n);
/* Waits until there is more to read, which is kept: false at the end, or when the client is gone.
 */
bool job_peek(struct job *j, const struct request *r);
/* Waits for its end: 0, or -1 with `err` set as the tool said. */
int job_result(struct job *j);
/* What it prints, appended to out (NULL: lost), and its end: 0, or -1 with `err` set. One newline
 * at its end is not. */
int job_collect(struct job *j, struct buf *out);
/* Ends it, if it runs yet, and frees. NULL is fine. */
void job_free(struct job *j);

/* Runs a tool to its end, with text as its input (NULL: none), and collects. */
int job_run(const char *why, struct strlist *words, const struct buf *text, struct buf *out);
/* The same, and the answer is `status` without a body. */
int job_reply(struct request *r, const char *why, struct strlist *words, unsigned status);
/* The same, and what it prints is the answer. */
int job_reply_json(struct request *r, const char *why, struct strlist *words,
	const struct buf *text, unsigned status);

/* What the tool prints is the answer, as it prints it; it ends when the client goes. A failure
 * before the first byte is an error as any other. Takes j. */
int job_stream(struct request *r, struct job *j, const char *type);
/* The same for JSON lines, one object each: with CRLF, and a failure becomes the last of them,
 * unless it comes after no more than `held` lines. */
int job_stream_json(struct request *r, struct job *j, unsigned held);

#endif
