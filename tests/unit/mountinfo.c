/* SPDX-License-Identifier: MIT
 * The mount table as the kernel writes it, and lines that no kernel writes.
 */
#include "base/mountinfo.h"

#include "base/err.h"
#include "unit.h"

#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A file of its own for each table; the caller unlinks it. */
static const char *
table(const char *text)
{
	static char path[64];
	strcpy(path, "/tmp/tackle-unit-XXXXXX");
	int fd = mkstemp(path);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
	return path;
}

/* What was seen, a line for each mount. */
static int
note(void *self, const struct mount_entry *m)
{
	buf_addf(self, "%d %d %u:%u|%s|%s|%s|%s|%s|%s\n", m->id, m->parent, major(m->dev),
		minor(m->dev), m->root, m->point, m->options, m->type, m->source, m->super);
	return 0;
}

static void
check_table(const char *text, const char *want)
{
	auto_buf struct buf got = BUF_INIT;
	const char *path = table(text);
	CHECK(mountinfo_each(path, note, &got) == 0, "%s", err.message);
	CHECK_STR(buf_str(&got), want);
	unlink(path);
}

static void
lines(void)
{
	check_table("", "");
	check_table(
		"67 63 0:40 / /mnt rw,relatime shared:1 - overlay tacklebox rw,lowerdir=/a:/b\n",
		"67 63 0:40|/|/mnt|rw,relatime|overlay|tacklebox|rw,lowerdir=/a:/b\n");
	/* No optional field, and many. */
	check_table("1 0 254:0 /x / rw - ext4 /dev/vda rw\n"
		    "2 1 0:5 / /dev rw master:2 propagate_from:3 unbindable - devtmpfs none ro\n",
		"1 0 254:0|/x|/|rw|ext4|/dev/vda|rw\n2 1 0:5|/|/dev|rw|devtmpfs|none|ro\n");
	/* An empty source stands between two blanks. */
	check_table("3 1 0:6 / /e rw - tmpfs  rw,size=1k\n", "3 1 0:6|/|/e|rw|tmpfs||rw,size=1k\n");
	/* Without a newline at the end. */
	check_table("3 1 0:6 / /e rw - tmpfs t rw", "3 1 0:6|/|/e|rw|tmpfs|t|rw\n");
}

static void
escapes(void)
{
	check_table("1 0 0:6 /a\\040b /x\\011y\\012z\\134w rw - tmpfs a\\040dash\\040-\\040b rw\n",
		"1 0 0:6|/a b|/x\ty\nz\\w|rw|tmpfs|a dash - b|rw\n");
	/* Not escapes: the kernel does not write them, and they stay as they are. */
	check_table("1 0 0:6 /a\\9 /b\\04 rw - tmpfs c\\ rw\n",
		"1 0 0:6|/a\\9|/b\\04|rw|tmpfs|c\\|rw\n");
}

static void
broken_lines(void)
{
	check_table("\n \n-\n1\n1 2 3 4 5 6 7\n1 0 x / / rw - t s rw\n1 0 0:1 / / rw - \n"
		    "9 1 0:6 / /good rw - tmpfs t rw\n",
		"9 1 0:6|/|/good|rw|tmpfs|t|rw\n");
}

static int
stop_at_two(void *self, const struct mount_entry *m)
{
	++*(int *)self;
	return m->id == 2 ? 7 : 0;
}

static void
stopping(void)
{
	int seen = 0;
	const char *path = table(
		"1 0 0:1 / / rw - t s rw\n2 1 0:1 / / rw - t s rw\n3 1 0:1 / / rw - t s rw\n");
	CHECK(mountinfo_each(path, stop_at_two, &seen) == 7, "what the function returned");
	CHECK(seen == 2, "%d seen", seen);
	unlink(path);
	CHECK(mountinfo_each(path, stop_at_two, &seen) == -1 && strstr(err.object, path),
		"a file that is not there: %s", err.message);
}

static void
options(void)
{
	static const struct {
		const char *super, *key, *want;
	} rows[] = {
		{"rw,lowerdir=/a:/b,upperdir=/u", "lowerdir", "/a:/b"},
		{"rw,lowerdir=/a:/b,upperdir=/u", "upperdir", "/u"},
		{"rw,upperdir=/u\\054v\\040w", "upperdir", "/u,v w"},
		{"upperdir=", "upperdir", ""},
		{"rw,upperdir", "upperdir", NULL},
		{"rw,xupperdir=/x", "upperdir", NULL},
		{"rw,upperdirx=/x", "upperdir", NULL},
		{"", "upperdir", NULL},
		{"rw", "upperdir", NULL},
		{"size=1,size=2", "size", "1"},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_buf struct buf b = BUF_INIT;
		struct mount_entry m = {.super = rows[i].super};
		bool there = mountinfo_option(&m, rows[i].key, &b);
		CHECK(there == (rows[i].want != NULL), "%s in '%s'", rows[i].key, rows[i].super);
		CHECK_STR(buf_str(&b), rows[i].want ? rows[i].want : "");
	}
}

int
main(void)
{
	RUN(lines);
	RUN(escapes);
	RUN(broken_lines);
	RUN(stopping);
	RUN(options);
	return unit_end();
}
