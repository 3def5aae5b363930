/* SPDX-License-Identifier: MIT
 * A string that grows, and the ways we quote: for sh, for JSON, for a terminal, for a URL.
 */
#ifndef TACKLE_BUF_H
#define TACKLE_BUF_H

#include <stdarg.h>
#include <stddef.h>

/* Always NUL-terminated once something was added; `s` is NULL before. Start from BUF_INIT. */
struct buf {
	char *s;
	size_t len;
	size_t cap;
};
#define BUF_INIT ((struct buf){0})
#define auto_buf __attribute__((cleanup(buf_free)))

/* Frees the text and leaves an empty buffer. */
void buf_free(struct buf *b);
/* Forgets the text, keeps the memory. */
void buf_reset(struct buf *b);
/* Appends n bytes. Memory is the one thing we do not recover from: without it the program aborts,
 * because an error path that cannot format its message helps nobody. */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
/* Appends printf-style. */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* The text, "" when there is none. Owned by the buffer. */
const char *buf_str(const struct buf *b);
/* Hands the text to the caller, who frees it, and leaves an empty buffer. Never NULL. */
char *buf_take(struct buf *b);

/* Appends s as one word of POSIX sh: plain when that is safe, in '…' otherwise. */
void buf_add_sh(struct buf *b, const char *s);
/* Appends the words of argv, quoted for sh, with single spaces between. */
void buf_add_argv(struct buf *b, char *const argv[]);
/* Appends s as a JSON string with its quotes (RFC 8259 section 7). Bytes that are not UTF-8
 * become U+FFFD, so that the line stays JSON whatever a file name holds. */
void buf_add_json(struct buf *b, const char *s);
/* The same for n bytes, which may hold NUL. */
void buf_add_json_bytes(struct buf *b, const char *s, size_t n);
/* Appends n bytes as a part of a URL: all but letters, digits and -._~ as %HH (RFC 3986
 * section 2.1).
 */
void buf_add_percent(struct buf *b, const char *s, size_t n);
/* Appends s fit for a terminal: control characters as \n, \t, \x1b. */
void buf_add_visible(struct buf *b, const char *s);

/* Length of the well-formed UTF-8 sequence at p, 0 where there is none (RFC 3629 section 4: no
 * overlong forms, no surrogates, nothing above U+10FFFF). A NUL has length 1 and ends what is read.
 */
size_t utf8_len(const void *p);

/* Allocating printf; aborts without memory as buf_add does. The caller frees. */
char *fmt_new(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *str_new(const char *s);

#endif
