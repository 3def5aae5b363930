/* SPDX-License-Identifier: MIT
 * Reading JSON that we do not trust: bounded in size and depth, no duplicate keys, and every
 * complaint names the file and the place in it ("config.json: process.user.uid is not a number").
 * The parser is jansson; only programs that call this file load it.
 */
#ifndef TACKLE_JSON_H
#define TACKLE_JSON_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger than any manifest, image configuration, runtime configuration or seccomp profile in use.
 */
#define JSON_SIZE_MAX ((size_t)4 << 20)
#define JSON_DEPTH_MAX 64

static inline void
auto_json_(json_t **v)
{
	json_decref(*v);
}
/* Drops the reference at the end of the scope. */
#define auto_json __attribute__((cleanup(auto_json_)))

/* Parses one whole document, an object or array (RFC 8259); `what` names it in messages. Whole
 * numbers from 2^63 to 2^64-1, which jansson cannot hold (and which are how Go writes "unlimited"),
 * become strings that jat_u64() understands. Returns a new reference, or NULL with `err` set (class
 * invalid). */
json_t *json_parse(const char *what, const char *text, size_t len);
/* Reads and parses a file; "-" is standard input. At most `max` bytes. */
json_t *json_read(const char *path, size_t max);
/* The same of a file, with null in place of one object or list, which is passed over and not
 * parsed: `member` is "HostConfig", or "linux.seccomp". For who needs little of much. */
json_t *json_read_without(const char *path, size_t max, const char *member);

/* The text of an object's member: borrowed, "" when it is none. For documents that are ours or were
 * checked; jat_get_str() complains. */
const char *json_text(const json_t *object, const char *member);

/* Appends a document as text (flags as json_dumps), fit for a terminal: control characters that
 * JSON lets through, DEL and U+0080 to U+009F, are escaped too. */
void json_visible(const json_t *doc, size_t flags, struct buf *out);

/* A place in a document: borrowed pointers, made on the stack, valid while the document and the
 * places above it are. v is NULL where the member is absent or null, which mean the same to us:
 * Go's encoder writes null for an empty list. */
struct jat {
	const struct jat *up; /* NULL: the document itself */
	const char *key; /* of the member; of the document its file's name; NULL: an array's item */
	size_t index; /* of an item */
	json_t *v;
};

struct jat jat_top(const char *file, json_t *doc);
/* A member of an object, or an item of an array (i < jat_len). Never fails: absent gives v NULL. */
struct jat jat_member(const struct jat *object, const char *key);
struct jat jat_item(const struct jat *array, size_t i);
/* Members of an object, items of an array, 0 for what is absent. */
size_t jat_len(const struct jat *at);

/* Checks the kind of value at a place and hands it out; what is absent leaves *out as it was (the
 * default). Return 0, or -1 with `err` set (class invalid, place named). Strings belong to the
 * document. */
int jat_object(const struct jat *at);
int jat_array(const struct jat *at);
int jat_str(const struct jat *at, const char **out);
int jat_bool(const struct jat *at, bool *out);
int jat_u64(const struct jat *at, uint64_t max, uint64_t *out);
int jat_i64(const struct jat *at, int64_t min, int64_t max, int64_t *out);

/* The same for a member, in one call; the two that give places give v NULL when absent. */
int jat_get_object(const struct jat *object, const char *key, struct jat *out);
int jat_get_array(const struct jat *object, const char *key, struct jat *out);
int jat_get_str(const struct jat *object, const char *key, const char **out);
int jat_get_bool(const struct jat *object, const char *key, bool *out);
int jat_get_u64(const struct jat *object, const char *key, uint64_t max, uint64_t *out);

/* Fails unless the place holds something. */
int jat_need(const struct jat *at);
/* Appends "process.args[2]"; nothing for the document itself. */
void jat_path(const struct jat *at, struct buf *out);
/* Sets `err` to "FILE: PLACE: what is wrong". Returns -1. */
int jat_fail(const struct jat *at, enum err_class class, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
