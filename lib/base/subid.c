/* SPDX-License-Identifier: MIT */
#include "base/subid.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

static int
read_lines(const char *file, const char *one, const char *other, struct subid *v, size_t max)
{
	auto_buf struct buf text = BUF_INIT;
	char name[256];
	unsigned first, count;
	size_t n = 0;
	if (file_read(file, 1 << 20, &text) < 0)
		return -1;
	for (const char *line = buf_str(&text); *line && n < max;
		line += strcspn(line, "\n"), line += *line == '\n') {
		if (sscanf(line, "%255[^:\n]:%u:%u", name, &first, &count) != 3 || count == 0)
			continue;
		if (strcmp(name, one) == 0 || (other && strcmp(name, other) == 0))
			v[n++] = (struct subid){first, count};
	}
	return (int)n;
}

int
subid_read(const char *file, uid_t uid, struct subid *v, size_t max)
{
	const struct passwd *pw = getpwuid(uid);
	char number[16];
	snprintf(number, sizeof(number), "%u", uid);
	return read_lines(file, number, pw ? pw->pw_name : NULL, v, max);
}

int
subid_read_name(const char *file, const char *name, struct subid *v, size_t max)
{
	return read_lines(file, name, NULL, v, max);
}

bool
subid_is_mapped(const char *map, uint32_t id)
{
	auto_buf struct buf text = BUF_INIT;
	const struct err before = err;
	unsigned inside, outside, count;
	bool mapped = false;
	if (file_read(map, 65536, &text) < 0)
		err = before;
	for (const char *line = buf_str(&text); *line && !mapped;
		line += strcspn(line, "\n"), line += *line == '\n')
		mapped = sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 &&
			id - inside < count;
	return mapped;
}

bool
subid_all_mapped(void)
{
	char line[64] = "";
	const struct err before = err;
	unsigned inside, outside, count;
	if (file_read_line("/proc/self/uid_map", line, sizeof(line)) < 0)
		err = before;
	return sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 && count == UINT32_MAX;
}
