/* SPDX-License-Identifier: MIT */
#include "base/subid.h"

#include "base/auto.h"
#include "base/file.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

int
subid_read(const char *file, uid_t uid, struct subid *v, size_t max)
{
	auto_buf struct buf text = BUF_INIT;
	const struct passwd *pw = getpwuid(uid);
	char number[16], name[256];
	unsigned first, count;
	size_t n = 0;
	snprintf(number, sizeof(number), "%u", uid);
	if (file_read(file, 1 << 20, &text) < 0)
		return -1;
	for (const char *line = buf_str(&text); *line && n < max;
		line += strcspn(line, "\n"), line += *line == '\n') {
		if (sscanf(line, "%255[^:\n]:%u:%u", name, &first, &count) != 3 || count == 0)
			continue;
		if (strcmp(name, number) == 0 || (pw && strcmp(name, pw->pw_name) == 0))
			v[n++] = (struct subid){first, count};
	}
	return (int)n;
}
