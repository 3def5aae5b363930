/* SPDX-License-Identifier: MIT
 * Who is who in the tree, by its own passwd and group files, read as data.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/passwd.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ETC_MAX ((size_t)16 << 20)

static int
read_etc(const struct tree *t, const char *path, struct buf *out)
{
	char piece[4096];
	struct stat sb;
	ssize_t n;
	buf_adds(out, "");
	auto_fd int fd = open_in_root(t->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 || fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode))
		return 0;
	while ((n = read(fd, piece, sizeof(piece))) > 0 && out->len < ETC_MAX)
		buf_add(out, piece, (size_t)n);
	return n < 0 ? err_sys("read", path, "cannot read %s of the image", path) : 0;
}

/* A number is a number, whatever the files say (CVE-2016-3697). */
static int
number(const char *text, uint32_t *id)
{
	int64_t n;
	if (parse_int(text, 0, UINT32_MAX - 1, &n) < 0)
		return -1;
	*id = (uint32_t)n;
	return 0;
}

static int
find_group(const struct tree *t, const char *name, uint32_t *gid)
{
	auto_buf struct buf text = BUF_INIT;
	if (is_digits(name))
		return number(name, gid);
	if (read_etc(t, "/etc/group", &text) < 0)
		return -1;
	return group_find(text.s, name, gid)
		? 0
		: err_set(ERR_NOT_FOUND, name, "unable to find group %s in the image's /etc/group",
			  name);
}

int
tree_owner(const struct tree *t, const char *text, struct owner *o)
{
	auto_buf struct buf passwd = BUF_INIT;
	auto_free char *user = fmt_new("%.*s", (int)strcspn(text, ":"), text);
	const char *group = strchr(text, ':');
	struct passwd_entry e;
	uint32_t id = 0;
	*o = (struct owner){0};
	if (is_digits(user)) {
		if (number(user, &id) < 0)
			return -1;
		o->uid = o->gid = id;
	} else if (*user) {
		if (read_etc(t, "/etc/passwd", &passwd) < 0)
			return -1;
		if (!passwd_find(passwd.s, user, 0, &e))
			return err_set(ERR_NOT_FOUND, user,
				"unable to find user %s in the image's /etc/passwd", user);
		o->uid = e.uid;
		o->gid = e.gid;
	}
	if (!group || !group[1])
		return 0;
	if (find_group(t, group + 1, &id) < 0)
		return -1;
	o->gid = id;
	return 0;
}
