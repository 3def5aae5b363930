/* SPDX-License-Identifier: MIT
 * The mounts that every container has, and a /dev with no more devices than programs expect
 * (config-linux.md, "Default Devices").
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include "mech/ct_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool
has_new(const struct ct *c, enum ct_ns ns)
{
	return c->ns[ns].in && !c->ns[ns].path;
}

void
ct_default_proc(struct ct *c)
{
	struct ct_mount m = {.destination = "/proc",
		.type = "proc",
		.source = "proc",
		.flags = MS_NOSUID | MS_NODEV | MS_NOEXEC,
		.ordinary = true};
	/* A procfs belongs to the user namespace of the pid namespace that it shows: without one of
	 * our own it is not ours to mount. */
	if (!has_new(c, CT_PID) && (c->ns[CT_USER].in || ct_in_user_ns())) {
		m.flags = MS_BIND | MS_REC;
		m.source = "/proc";
	}
	ct_add_mount(&c->mounts, m);
}

void
ct_default_sys(struct ct *c)
{
	struct ct_mount m = {.destination = "/sys",
		.type = "sysfs",
		.source = "sysfs",
		.flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		.ordinary = true};
	/* Just so sysfs and the network namespace. */
	if (!has_new(c, CT_NET) && (c->ns[CT_USER].in || ct_in_user_ns())) {
		m.flags |= MS_BIND | MS_REC;
		m.source = "/sys";
	}
	ct_add_mount(&c->mounts, m);
	if (has_new(c, CT_CGROUP) && file_exists("/sys/fs/cgroup/cgroup.controllers") &&
		!(m.flags & MS_BIND))
		ct_add_mount(&c->mounts,
			(struct ct_mount){.destination = "/sys/fs/cgroup",
				.type = "cgroup2",
				.source = "cgroup",
				.flags = m.flags});
}

void
ct_default_dev(struct ct *c, int64_t shm_size)
{
	/* Terminals belong to group tty, where that group exists. */
	const char *pts = ct_idmap_has_gid(c, 5) ? "newinstance,ptmxmode=0666,mode=0620,gid=5"
						 : "newinstance,ptmxmode=0666,mode=0620";
	ct_add_mount(&c->mounts,
		(struct ct_mount){.destination = "/dev",
			.type = "tmpfs",
			.source = "tmpfs",
			.flags = MS_NOSUID | MS_STRICTATIME,
			.data = "mode=755,size=65536k",
			.ordinary = true});
	ct_add_mount(&c->mounts,
		(struct ct_mount){.destination = "/dev/pts",
			.type = "devpts",
			.source = "devpts",
			.flags = MS_NOSUID | MS_NOEXEC,
			.data = pts});
	ct_add_mount(&c->mounts,
		(struct ct_mount){.destination = "/dev/shm",
			.type = "tmpfs",
			.source = "shm",
			.flags = MS_NOSUID | MS_NODEV | MS_NOEXEC,
			.data = fmt_new(
				"mode=1777,size=%lldk", (long long)(shm_size + 1023) / 1024)});
	/* Message queues belong to the ipc namespace: another's cannot be mounted. */
	if (has_new(c, CT_IPC))
		ct_add_mount(&c->mounts,
			(struct ct_mount){.destination = "/dev/mqueue",
				.type = "mqueue",
				.source = "mqueue",
				.flags = MS_NOSUID | MS_NODEV | MS_NOEXEC,
				.optional = true});
	c->root.dev = true;
}

static const struct {
	const char *name;
	unsigned minor, major;
} nodes[] = {{"null", 3, 1}, {"zero", 5, 1}, {"full", 7, 1}, {"random", 8, 1}, {"urandom", 9, 1},
	{"tty", 0, 5}};

static const struct {
	const char *name, *target;
} links[] = {{"ptmx", "pts/ptmx"}, {"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"}};

int
ct_dev_bind(const struct ct_tree *t, const char *host, const char *path)
{
	struct ct_place p;
	auto_fd int source = open(host, O_PATH | O_CLOEXEC);
	if (source < 0)
		return err_sys("open", host, "cannot open device %s", host);
	if (ct_place_open(t, path, CT_FILE, &p) < 0)
		return -1;
	auto_fd int target = p.fd;
	return sys_bind_at("a device of the host",
		&(struct sys_bind){.source_fd = source,
			.target_fd = target,
			.source = host,
			.target = p.shown});
}

/* "HOSTPATH[:DST]", Docker's third part (rwm) has no meaning without a device cgroup. */
static int
bind_given(const struct ct_tree *t, const char *text)
{
	size_t n = strcspn(text, ":");
	auto_free char *host = fmt_new("%.*s", (int)n, text);
	const char *path = text[n] ? text + n + 1 : host;
	if (path[0] != '/')
		return err_set(ERR_INVALID, text, "'%s': the place inside must start with /", text);
	return ct_dev_bind(t, host, path);
}

/* In a user namespace mknod(2) of devices is refused whoever asks: there the host's are shown. */
static int
make_nodes(const struct ct_tree *t, int dir)
{
	bool bind = t->c->ns[CT_USER].in || ct_in_user_ns();
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		auto_buf struct buf path = BUF_INIT, shown = BUF_INIT;
		buf_addf(&path, "/dev/%s", nodes[i].name);
		path_join(&shown, t->path, path.s);
		int r = bind
			? ct_dev_bind(t, path.s, path.s)
			: sys_mknod_at("a device that programs expect", dir, nodes[i].name, shown.s,
				  S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor));
		if (r < 0)
			return -1;
	}
	return 0;
}

static int
make_dev(const struct ct_tree *t)
{
	/* The tmpfs that was mounted there a moment ago, or whatever is there now: in the root in
	 * any case. */
	auto_fd int dir = open_no_links(t->fd, "/dev", O_PATH | O_DIRECTORY, 0);
	if (dir < 0 && !step_dry())
		return err_sys("openat2", "/dev", "cannot open /dev in %s", t->path);
	if (make_nodes(t, dir) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		auto_buf struct buf shown = BUF_INIT;
		path_join(&shown, t->path, "dev/");
		buf_adds(&shown, links[i].name);
		if (sys_symlink_at("a name that programs expect", links[i].target, dir,
			    links[i].name, shown.s) < 0)
			return -1;
	}
	return 0;
}

int
ct_dev_make(const struct ct_tree *t)
{
	if (t->c->root.dev && make_dev(t) < 0)
		return -1;
	for (size_t i = 0; i < t->c->root.devices.n; i++)
		if (bind_given(t, t->c->root.devices.v[i]) < 0)
			return -1;
	return 0;
}
