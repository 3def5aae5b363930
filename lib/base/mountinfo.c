/* SPDX-License-Identifier: MIT */
#include "base/mountinfo.h"

#include "base/auto.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* "67 63 0:40 / /mnt rw,relatime shared:1 - overlay tacklebox rw,lowerdir=…": the fields before
 * the dash vary in number, and blanks within one are escaped. */
static int
parse_line(char *line, struct mount_entry *m)
{
	char *field[6], *rest[3] = {NULL}, *save = NULL, *word;
	unsigned major, minor;
	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < 6; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!field[i])
			return -1;
	}
	do
		word = strtok_r(NULL, " ", &save);
	while (word && strcmp(word, "-") != 0);
	for (int i = 0; word && i < 3; i++)
		rest[i] = strtok_r(NULL, " ", &save);
	/* An empty source leaves two blanks in a row, and one field too few. */
	if (!rest[1] || sscanf(field[2], "%u:%u", &major, &minor) != 2)
		return -1;
	*m = (struct mount_entry){
		.id = atoi(field[0]),
		.parent = atoi(field[1]),
		.dev = makedev(major, minor),
		.root = unescape(field[3]),
		.point = unescape(field[4]),
		.options = field[5],
		.type = rest[0],
		.source = rest[2] ? unescape(rest[1]) : "",
		.super = rest[2] ? rest[2] : rest[1],
	};
	return 0;
}

int
mountinfo_each(const char *path, mountinfo_fn *fn, void *self)
{
	struct mount_entry m;
	auto_free char *line = NULL;
	size_t size = 0;
	auto_file FILE *f = fopen(path, "re");
	if (!f)
		return err_sys("open", path, "cannot open %s", path);
	while (getline(&line, &size, f) > 0) {
		int r = parse_line(line, &m) == 0 ? fn(self, &m) : 0;
		if (r)
			return r;
	}
	return 0;
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
