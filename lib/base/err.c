/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

_Thread_local struct err err;

/* Fixed fields are cut, never overrun: a message is for reading, the object is told elsewhere too.
 */
static void
set_field(char *field, size_t size, const char *text)
{
	size_t n = strlen(text);
	if (n >= size)
		n = size - 1;
	memcpy(field, text, n);
	field[n] = '\0';
}
#define SET(field, text) set_field(field, sizeof(field), (text) ? (text) : "")

int
err_sys(const char *call, const char *object, const char *fmt, ...)
{
	int no = errno;
	va_list ap;
	va_start(ap, fmt);
	err = (struct err){.no = no, .class = err_class_of(no)};
	vsnprintf(err.message, sizeof(err.message), fmt, ap);
	va_end(ap);
	SET(err.call, call);
	SET(err.object, object);
	return -1;
}

int
err_set(enum err_class class, const char *object, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	err = (struct err){.class = class};
	vsnprintf(err.message, sizeof(err.message), fmt, ap);
	va_end(ap);
	SET(err.object, object);
	return -1;
}

int
err_hint(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err.hint, sizeof(err.hint), fmt, ap);
	va_end(ap);
	return -1;
}

int
err_prefix(const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	buf_addf(&b, ": %s", err.message);
	SET(err.message, buf_str(&b));
	return -1;
}

void
err_clear(void)
{
	err = (struct err){0};
}

enum err_class
err_class_of(int no)
{
	switch (no) {
	case ENOENT:
	case ESRCH:
	case ENOTDIR:
	case ENODEV:
	case ENXIO:
		return ERR_NOT_FOUND;
	case EEXIST:
	case ENOTEMPTY:
		return ERR_CONFLICT;
	case EINVAL:
	case ENAMETOOLONG:
	case EISDIR:
	case ELOOP:
	case ERANGE:
	case E2BIG:
	case ENOEXEC:
	case EILSEQ:
	case EBADMSG:
		return ERR_INVALID;
	case EBUSY:
	case ETXTBSY:
	case EADDRINUSE:
		return ERR_IN_USE;
	case EPERM:
	case EACCES:
	case EROFS:
		return ERR_DENIED;
	case ENOSYS:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return ERR_UNSUPPORTED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NO_SPACE;
	default:
		return ERR_INTERNAL;
	}
}

const char *err_class_name(enum err_class class)
{
	static const char *const names[] = {
		[ERR_INTERNAL] = "internal",
		[ERR_NOT_FOUND] = "not-found",
		[ERR_CONFLICT] = "conflict",
		[ERR_INVALID] = "invalid",
		[ERR_IN_USE] = "in-use",
		[ERR_DENIED] = "denied",
		[ERR_UNSUPPORTED] = "unsupported",
		[ERR_NO_SPACE] = "no-space",
	};
	return names[class];
}

const char *
err_name(int no)
{
	const char *name = strerrorname_np(no);
	return name ? name : "E?";
}

int
err_number(const char *name)
{
	/* The kernel's numbers end well below 4096 (MAX_ERRNO, include/linux/err.h). */
	for (int no = 1; no < 4096; no++) {
		const char *known = strerrorname_np(no);
		if (known && strcmp(known, name) == 0)
			return no;
	}
	return -1;
}

void
err_text(const struct err *e, struct buf *out)
{
	buf_add_visible(out, e->message);
	if (e->no)
		buf_addf(out, ": %s (%s)", strerror(e->no), err_name(e->no));
}

void
err_json(const struct err *e, const char *tool, int status, struct buf *out)
{
	auto_buf struct buf text = BUF_INIT;
	err_text(e, &text);
	buf_adds(out, "{\"tool\":");
	buf_add_json(out, tool);
	buf_addf(out, ",\"class\":\"%s\",\"call\":", err_class_name(e->class));
	buf_add_json(out, e->call);
	buf_addf(out, ",\"errno\":\"%s\",\"object\":", e->no ? err_name(e->no) : "");
	buf_add_json(out, e->object);
	buf_adds(out, ",\"message\":");
	buf_add_json(out, buf_str(&text));
	buf_adds(out, ",\"hint\":");
	buf_add_json(out, e->hint);
	buf_addf(out, ",\"status\":%d}", status);
}
