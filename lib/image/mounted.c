/* SPDX-License-Identifier: MIT */
#include "image/mounted.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "image/digest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOUNTINFO_MAX ((size_t)64 << 20)

/* Where overlay says what lies below: "lowerdir=A:B", or "lowerdir+=A" for each (Linux 6.8). */
static bool
says_its_layers(const char *line, size_t n)
{
	const char *lower = memmem(line, n, "lowerdir", strlen("lowerdir"));
	if (!lower)
		return true;
	lower = memchr(lower, '=', n - (size_t)(lower - line));
	return lower && lower[1] == '/';
}

bool
mounted_in(const char *mountinfo, struct names *layers)
{
	bool all = true;
	for (const char *line = mountinfo; *line;) {
		size_t n = strcspn(line, "\n");
		if (memmem(line, n, " - overlay tacklebox ", 21) && !says_its_layers(line, n))
			all = false;
		for (const char *p = line; (p = memchr(p, '/', n - (size_t)(p - line)));) {
			size_t hex = strspn(++p, "0123456789abcdef");
			if (hex == DIGEST_HEX)
				names_add(layers, p, hex, NULL);
		}
		line += n + (line[n] == '\n');
	}
	return all;
}

/* Each mount namespace once: its name is the link's text. */
static bool
look_at(const char *pid, struct names *seen, struct names *layers)
{
	char path[64], ns[64];
	int is_new = 0;
	auto_buf struct buf text = BUF_INIT;
	snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", pid);
	ssize_t n = readlink(path, ns, sizeof(ns));
	/* A process that has just ended, or that is not ours to look at. */
	if (n <= 0 || names_add(seen, ns, (size_t)n, &is_new) < 0 || !is_new)
		return true;
	snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", pid);
	struct err before = err;
	int r = file_read(path, MOUNTINFO_MAX, &text);
	bool gone = r < 0 && (err.no == ENOENT || err.no == ESRCH || err.no == EINVAL);
	err = before;
	return r == 0 ? mounted_in(buf_str(&text), layers) : gone;
}

bool
mounted_layers(struct names *layers)
{
	struct names seen = {0};
	auto_dir DIR *proc = opendir("/proc");
	const struct dirent *e;
	bool all = proc != NULL;
	while (proc && (e = readdir(proc)))
		if (is_digits(e->d_name) && !look_at(e->d_name, &seen, layers))
			all = false;
	names_free(&seen);
	return all;
}
