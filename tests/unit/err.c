/* SPDX-License-Identifier: MIT
 * Errors carried upward: what they keep, how they are shown, and that nothing is overrun.
 */
#include "base/err.h"

#include "unit.h"

#include <errno.h>

static const char *
text(void)
{
	static struct buf b;
	buf_reset(&b);
	err_text(&err, &b);
	return buf_str(&b);
}

static void
from_errno(void)
{
	errno = ENOENT;
	CHECK(err_sys("open", "/x", "cannot open %s", "/x") == -1, "returns -1");
	CHECK(err.no == ENOENT && err.class == ERR_NOT_FOUND && err.status == 0, "%d %d", err.no,
		err.class);
	CHECK_STR(err.call, "open");
	CHECK_STR(err.object, "/x");
	CHECK_STR(text(), "cannot open /x: No such file or directory (ENOENT)");
	errno = 0;
	err_sys(NULL, NULL, "cannot");
	CHECK_STR(err.call, "");
	CHECK_STR(err.object, "");
	CHECK_STR(text(), "cannot");
}

static void
without_errno(void)
{
	errno = EIO;
	CHECK(err_set(ERR_CONFLICT, "a", "group %s exists", "a") == -1, "returns -1");
	CHECK(err.no == 0 && err.class == ERR_CONFLICT, "%d %d", err.no, err.class);
	CHECK_STR(text(), "group a exists");
	CHECK(err_hint("take %s", "another") == -1, "returns -1");
	CHECK_STR(err.hint, "take another");
	CHECK(err_prefix("--%s", "name") == -1, "returns -1");
	CHECK_STR(text(), "--name: group a exists");
	CHECK_STR(err.hint, "take another");
	/* A new failure does not keep the old one's hint. */
	errno = EPERM;
	err_sys("mount", "/", "cannot mount");
	CHECK_STR(err.hint, "");
	err_clear();
	CHECK(!err.no && !err.message[0], "cleared");
}

/* Everything is cut to its field, and stays a string. */
static void
too_long(void)
{
	static char big[5000];
	memset(big, 'x', sizeof(big) - 1);
	errno = EINVAL;
	err_sys(big, big, "cannot open %s", big);
	err_hint("%s", big);
	err_prefix("%s", big);
	CHECK(strlen(err.call) == sizeof(err.call) - 1, "%zu", strlen(err.call));
	CHECK(strlen(err.object) == sizeof(err.object) - 1, "%zu", strlen(err.object));
	CHECK(strlen(err.message) == sizeof(err.message) - 1, "%zu", strlen(err.message));
	CHECK(strlen(err.hint) == sizeof(err.hint) - 1, "%zu", strlen(err.hint));
	CHECK(strstr(text(), ": Invalid argument (EINVAL)"), "the errno stays");
}

/* err_prefix may be given parts of err itself. */
static void
prefix_of_itself(void)
{
	err_set(ERR_INVALID, "o", "message");
	err_prefix("%s %s", err.object, err.message);
	CHECK_STR(err.message, "o message: message");
}

static void
control_characters(void)
{
	err_set(ERR_INVALID, "a\nb", "no group '%s'", "a\nb\x1b[2J");
	CHECK_STR(text(), "no group 'a\\nb\\x1b[2J'");
}

static void
numbers_and_names(void)
{
	static const int numbers[] = {EPERM, ENOENT, EINVAL, ENOSPC, EOPNOTSUPP, EIO, EHWPOISON};
	for (size_t i = 0; i < N_ROWS(numbers); i++)
		CHECK(err_number(err_name(numbers[i])) == numbers[i], "%d", numbers[i]);
	CHECK_STR(err_name(EINVAL), "EINVAL");
	CHECK_STR(err_name(99999), "E?");
	CHECK_STR(err_name(-1), "E?");
	CHECK(err_number("EWHAT") == -1 && err_number("") == -1 && err_number("einval") == -1,
		"unknown names");
}

static void
classes(void)
{
	static const struct {
		int no;
		const char *name;
	} rows[] = {{ENOENT, "not-found"}, {EEXIST, "conflict"}, {EINVAL, "invalid"},
		{EBUSY, "in-use"}, {EPERM, "denied"}, {ENOSYS, "unsupported"}, {ENOSPC, "no-space"},
		{EIO, "internal"}, {ENOMEM, "internal"}};
	for (size_t i = 0; i < N_ROWS(rows); i++)
		CHECK_STR(err_class_name(err_class_of(rows[i].no)), rows[i].name);
}

static void
as_json(void)
{
	auto_buf struct buf b = BUF_INIT;
	errno = EBUSY;
	err_sys("umount", "/a\"b", "cannot unmount %s", "/a\"b");
	err_hint("it is in use");
	err_json(&err, "ufs-mount", 1, &b);
	CHECK_STR(b.s,
		"{\"tool\":\"ufs-mount\",\"class\":\"in-use\",\"call\":\"umount\",\"errno\":\"EBUSY\","
		"\"object\":\"/a\\\"b\",\"message\":\"cannot unmount /a\\\"b: Device or resource busy "
		"(EBUSY)\",\"hint\":\"it is in use\",\"status\":1}");
	buf_reset(&b);
	err_set(ERR_INVALID, NULL, "no");
	err_json(&err, "t", 2, &b);
	CHECK_STR(b.s,
		"{\"tool\":\"t\",\"class\":\"invalid\",\"call\":\"\",\"errno\":\"\",\"object\":\"\","
		"\"message\":\"no\",\"hint\":\"\",\"status\":2}");
}

int
main(void)
{
	RUN(from_errno);
	RUN(without_errno);
	RUN(too_long);
	RUN(prefix_of_itself);
	RUN(control_characters);
	RUN(numbers_and_names);
	RUN(classes);
	RUN(as_json);
	return unit_end();
}
