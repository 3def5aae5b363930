/* SPDX-License-Identifier: MIT
 * Who runs it, by the image's own passwd and group files, read as data.
 */
#include "base/auto.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/passwd.h"
#include "base/subid.h"
#include "box/bundle.h"
#include "image/lower.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What overlay stacks at most. */
#define LAYERS_MAX 500
#define GROUPS_MAX 64

/* A file of the image, as text; "" when it is not there. */
static void
image_file(const struct store *s, const struct image *img, const char *path, struct buf *out)
{
	int fds[LAYERS_MAX], parent = -1;
	char dir[PATH_MAX], self[64];
	struct stat sb;
	size_t n = 0;
	for (; n < img->n && n < LAYERS_MAX; n++)
		if (store_layer_path(s, img->layers[n].chain, dir) < 0 ||
			(fds[n] = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
			break;
	struct lowers l = {.fd = fds, .n = n};
	if (lower_find(&l, path, &parent, &sb) == 1 && S_ISREG(sb.st_mode)) {
		auto_fd int fd = openat(parent, path_base(path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		if (file_read(self, (size_t)1 << 20, out) < 0)
			err_clear();
	}
	if (parent >= 0)
		close(parent);
	while (n)
		close(fds[--n]);
}

static int
group_id(const char *groups, const char *name, uint32_t *gid)
{
	int64_t n;
	/* A number is a number, whatever the file says (runc, CVE-2016-3697). */
	if (is_digits(name)) {
		if (parse_int(name, 0, INT32_MAX, &n) < 0)
			return -1;
		*gid = (uint32_t)n;
		return 0;
	}
	return group_find(groups, name, gid)
		? 0
		: err_set(ERR_NOT_FOUND, name,
			  "unable to find group %s: no matching entries in "
			  "the image's group file",
			  name);
}

static int
find_user(const char *passwd, const char *name, struct passwd_entry *who, bool *known)
{
	int64_t n = 0;
	bool number = is_digits(name);
	if (number && parse_int(name, 0, INT32_MAX, &n) < 0)
		return -1;
	*known = passwd_find(passwd, number || !*name ? NULL : name, (uint32_t)n, who);
	if (!*known && *name && !number)
		return err_set(ERR_NOT_FOUND, name,
			"unable to find user %s: no matching entries in the image's passwd file",
			name);
	who->uid = *known ? who->uid : (uint32_t)n;
	return 0;
}

/* A user with one id has no list of groups to give. */
static bool
can_give(uint32_t gid)
{
	return subid_is_mapped("/proc/self/gid_map", gid) &&
		subid_is_mapped("/proc/self/gid_map", 1);
}

static void
add_group(json_t *ids, uint32_t gid)
{
	json_t *item;
	size_t i;
	json_array_foreach(ids, i, item) if (json_integer_value(item) == gid) return;
	json_array_append_new(ids, json_integer(gid));
}

json_t *
bundle_user(const json_t *doc, const struct store *s, const struct image *img)
{
	auto_buf struct buf passwd = BUF_INIT, groups = BUF_INIT;
	auto_free char *name =
		str_new(json_string_value(json_object_get(json_object_get(doc, "Config"), "User")));
	auto_json json_t *ids = json_array();
	struct passwd_entry who = {0};
	uint32_t more[GROUPS_MAX], gid;
	bool known;
	json_t *item;
	size_t i;
	char *group = strchr(name, ':');
	if (group)
		*group++ = '\0';
	image_file(s, img, "etc/passwd", &passwd);
	image_file(s, img, "etc/group", &groups);
	if (find_user(buf_str(&passwd), name, &who, &known) < 0)
		return NULL;
	if (group && *group) {
		if (group_id(buf_str(&groups), group, &who.gid) < 0)
			return NULL;
	}
	/* His own, too: a set-group-ID program would be without it (CVE-2022-36109). */
	if (can_give(who.gid))
		add_group(ids, who.gid);
	if (!(group && *group) && known) {
		size_t n = group_list(buf_str(&groups), who.name, more, GROUPS_MAX);
		for (i = 0; i < n; i++)
			if (can_give(more[i]))
				add_group(ids, more[i]);
	}
	json_array_foreach(json_object_get(json_object_get(doc, "HostConfig"), "GroupAdd"), i, item)
	{
		if (group_id(buf_str(&groups), json_string_value(item), &gid) < 0)
			return NULL;
		add_group(ids, gid);
	}
	return json_pack("{s:I,s:I,s:O}", "uid", (json_int_t)who.uid, "gid", (json_int_t)who.gid,
		"additionalGids", ids);
}
