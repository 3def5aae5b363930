/* SPDX-License-Identifier: MIT
 * What a path is, in the words of the Docker Engine API.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "base/json.h"
#include "cp.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Go's os.FileMode: permissions as they are, all else in bits of its own. */
static int64_t
go_mode(mode_t m)
{
	static const struct {
		mode_t kind;
		unsigned bits;
	} kinds[] = {{S_IFDIR, 1U << 31}, {S_IFLNK, 1U << 27}, {S_IFBLK, 1U << 26},
		{S_IFCHR, 1U << 26 | 1U << 21}, {S_IFIFO, 1U << 25}, {S_IFSOCK, 1U << 24}};
	unsigned bits = m & 0777;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((m & S_IFMT) == kinds[i].kind)
			bits |= kinds[i].bits;
	bits |= (m & S_ISUID ? 1U << 23 : 0) | (m & S_ISGID ? 1U << 22 : 0) |
		(m & S_ISVTX ? 1U << 20 : 0);
	return bits;
}

int
place_show(const struct place *p, struct buf *out)
{
	auto_buf struct buf when = BUF_INIT;
	char target[PATH_MAX] = "";
	if (place_need(p) < 0)
		return -1;
	if (S_ISLNK(p->sb.st_mode)) {
		ssize_t n = readlinkat(p->dir, p->name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
	}
	time_rfc3339(p->sb.st_mtime, &when);
	auto_json json_t *doc = json_pack("{s:s,s:I,s:I,s:s,s:s}", "name", *p->last ? p->last : "/",
		"size", (json_int_t)p->sb.st_size, "mode", (json_int_t)go_mode(p->sb.st_mode),
		"mtime", when.s, "linkTarget", target);
	if (!doc)
		return err_set(ERR_INVALID, p->path, "%s is not text", p->path);
	json_visible(doc, JSON_COMPACT, out);
	return 0;
}
