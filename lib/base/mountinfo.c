/* SPDX-License-Identifier: MIT */
#include "base/mountinfo.h"

#include "base/auto.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int
octal_digit(char c)
{
	return c >= '0' && c <= '7' ? c - '0' : -1;
}

/* The kernel writes blanks, newlines and backslashes as \ooo (seq_path, seq_escape). In place: the
 * result is never longer. */
static char *
unescape(char *s)
{
	char *to = s;
	for (const char *p = s; *p; to++) {
		int a = p[0] == '\\' ? octal_digit(p[1]) : -1;
		int b = a >= 0 ? octal_digit(p[2]) : -1;
		int c = b >= 0 ? octal_digit(p[3]) : -1;
		*to = c >= 0 ? (char)(a << 6 | b << 3 | c) : *p;
		p += c >= 0 ? 4 : 1;
	}
	*to = '\0';
	return s;
}

/* Cuts the next word off the line. A line has one blank between two words, so an empty source is an
 * empty word. */
static char *
word(char **line)
{
	char *start = *line;
	size_t n = strcspn(start, " ");
	*line = start + n + (start[n] == ' ');
	start[n] = '\0';
	return start;
}

/* "67 63 0:40 / /mnt rw,relatime shared:1 - overlay tacklebox rw,lowerdir=…": the words before the
 * dash vary in number, and blanks within one are escaped. */
static int
parse_line(char *line, struct mount_entry *m)
{
	const char *id = word(&line), *parent = word(&line), *dev = word(&line);
	char *root = word(&line), *point = word(&line), *options = word(&line), *minor, *source;
	while (*line && strcmp(word(&line), "-") != 0)
		;
	const char *type = word(&line);
	unsigned long major = strtoul(dev, &minor, 10);
	if (!*line || *minor != ':')
		return -1;
	source = word(&line);
	*m = (struct mount_entry){
		.id = atoi(id),
		.parent = atoi(parent),
		.dev = makedev(major, strtoul(minor + 1, NULL, 10)),
		.root = unescape(root),
		.point = unescape(point),
		.options = options,
		.type = type,
		.source = unescape(source),
		.super = line,
	};
	return 0;
}

int
mountinfo_each(const char *path, mountinfo_fn *fn, void *self)
{
	/* A host with thousands of mounts has a megabyte of them. Read whole: the table may change
	 * by what fn does. */
	auto_buf struct buf text = BUF_INIT;
	struct mount_entry m;
	char *line, *at;
	if (file_read(path, (size_t)64 << 20, &text) < 0)
		return -1;
	for (at = text.s; at && *at;) {
		line = strsep(&at, "\n");
		int r = parse_line(line, &m) == 0 ? fn(self, &m) : 0;
		if (r)
			return r;
	}
	return 0;
}

static int
is_point(void *self, const struct mount_entry *m)
{
	return strcmp(m->point, *(const char *const *)self) == 0;
}

bool
mount_is_on(const char *dir)
{
	struct statx sb;
	if (statx(AT_FDCWD, dir, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &sb) == 0 &&
		sb.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
		return sb.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return mountinfo_each("/proc/self/mountinfo", is_point, &dir) == 1;
}

bool
mountinfo_option(const struct mount_entry *m, const char *key, struct buf *out)
{
	size_t n = strlen(key);
	const char *p = m->super;
	while (*p && !(strncmp(p, key, n) == 0 && p[n] == '=')) {
		p += strcspn(p, ",");
		p += *p == ',';
	}
	if (!*p)
		return false;
	char *value = fmt_new("%.*s", (int)strcspn(p + n + 1, ","), p + n + 1);
	buf_adds(out, unescape(value));
	free(value);
	return true;
}
