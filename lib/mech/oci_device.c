/* SPDX-License-Identifier: MIT
 * "linux.devices": nodes by number, which ns-exec takes from the host's /dev by name.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "mech/oci_in.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct device {
	bool block;
	uint64_t major, minor;
	const char *path;
};

/* What the host calls the device: sysfs(5) has a directory for each number. Allocated; NULL when
 * there is none. */
static char *
host_name(const struct device *d)
{
	auto_buf struct buf text = BUF_INIT, name = BUF_INIT;
	auto_free char *file = fmt_new("/sys/dev/%s/%" PRIu64 ":%" PRIu64 "/uevent",
		d->block ? "block" : "char", d->major, d->minor);
	struct err before = err;
	struct stat sb;
	int r = file_read(file, 4096, &text);
	err = before;
	const char *at = r < 0 ? NULL : strstr(text.s, "DEVNAME=");
	if (!at)
		return NULL;
	at += strlen("DEVNAME=");
	buf_addf(&name, "/dev/%.*s", (int)strcspn(at, "\n"), at);
	if (stat(name.s, &sb) < 0 || sb.st_rdev != makedev(d->major, d->minor) ||
		S_ISBLK(sb.st_mode) != d->block)
		return NULL;
	return buf_take(&name);
}

/* The node will be the host's own: what the bundle says of its owner and mode should be so. */
static int
compare_owner(struct oci_args *a, const struct jat *at, const char *host)
{
	struct stat sb;
	uint64_t uid, gid, mode;
	if (stat(host, &sb) < 0)
		return err_sys("stat", host, "cannot look at %s", host);
	uid = sb.st_uid;
	gid = sb.st_gid;
	mode = sb.st_mode & 07777;
	if (jat_get_u64(at, "uid", UINT32_MAX, &uid) < 0 ||
		jat_get_u64(at, "gid", UINT32_MAX, &gid) < 0 ||
		jat_get_u64(at, "fileMode", UINT32_MAX, &mode) < 0)
		return -1;
	if (uid != sb.st_uid || gid != sb.st_gid || (mode & 07777) != (sb.st_mode & 07777))
		oci_warn(a, "%s is the host's own: owner %u:%u and mode %03o stay", host, sb.st_uid,
			sb.st_gid, sb.st_mode & 07777);
	return 0;
}

static bool
is_default(const char *path)
{
	static const char *const paths[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
		"/dev/urandom", "/dev/tty", "/dev/console", "/dev/ptmx"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(path, paths[i]) == 0)
			return true;
	return false;
}

static int
one_device(struct oci_args *a, const struct jat *at)
{
	struct jat type_at = jat_member(at, "type"), path_at = jat_member(at, "path");
	struct device d = {.path = ""};
	const char *type = "";
	if (jat_object(at) < 0 || jat_need(&type_at) < 0 || jat_str(&type_at, &type) < 0 ||
		jat_need(&path_at) < 0 || jat_str(&path_at, &d.path) < 0 ||
		oci_check_path(&path_at, d.path) < 0 ||
		jat_get_u64(at, "major", UINT32_MAX, &d.major) < 0 ||
		jat_get_u64(at, "minor", UINT32_MAX, &d.minor) < 0)
		return -1;
	if (a->dev_mounted && is_default(d.path))
		return 0;
	if (strcmp(type, "p") == 0)
		return jat_fail(&type_at, ERR_UNSUPPORTED,
			"cannot be done: ns-exec makes no fifo: mkfifo(1) in the root does");
	if (!strchr("bcu", type[0]) || strlen(type) != 1)
		return jat_fail(&type_at, ERR_INVALID, "is no type of device: '%s'", type);
	d.block = type[0] == 'b';
	auto_free char *host = host_name(&d);
	if (!host)
		return jat_fail(at, ERR_UNSUPPORTED,
			"cannot be done: the host's /dev has no device %" PRIu64 ":%" PRIu64
			" to show",
			d.major, d.minor);
	oci_option(a, "--device", "%s:%s", host, d.path);
	return compare_owner(a, at, host);
}

int
oci_devices(struct oci_args *a, const struct jat *lin)
{
	struct jat list;
	if (jat_get_array(lin, "devices", &list) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&list); i++) {
		struct jat item = jat_item(&list, i);
		if (jat_need(&item) < 0 || one_device(a, &item) < 0)
			return -1;
	}
	return 0;
}
