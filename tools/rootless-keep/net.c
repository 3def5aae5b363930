/* SPDX-License-Identifier: MIT
 * The network of the user's boxes: a namespace in which bridges are made as root makes them on the
 * host, and a program that hands what leaves it to the host's sockets.
 */
#include "keep.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "box/servers.h"
#include "door/chain.h"
#include "door/spawn.h"
#include "door/sys.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* 10 ms each: ten seconds. */
#define PATIENCE 10000

static pid_t helper;
static const char *helper_name;
static bool is_ready;

/* Its last line says why it has ended. */
static int
failed(const char *name, const char *log)
{
	auto_buf struct buf text = BUF_INIT;
	if (file_read(log, 1 << 16, &text) < 0)
		err_clear();
	while (text.len && text.s[text.len - 1] == '\n')
		text.s[--text.len] = '\0';
	const char *last = strrchr(buf_str(&text), '\n');
	err_set(ERR_INTERNAL, name, "cannot lead the boxes' network to the world: %s: %s", name,
		last		   ? last + 1
			: text.len ? text.s
				   : "it has ended");
	return access("/dev/net/tun", R_OK | W_OK) < 0
		? err_hint("it needs /dev/net/tun, which is closed to you: as root, "
			   "chmod 0666 /dev/net/tun")
		: -1;
}

/* It says so by making a file, or by writing into it, once all is ready. */
static int
wait_ready(const char *name, const char *ready, const char *log)
{
	char line[16];
	for (int i = 0; i < PATIENCE; i++) {
		if (file_read_line(ready, line, sizeof(line)) == 0 && line[0])
			return 0;
		err_clear();
		if (waitpid(helper, NULL, WNOHANG) == helper) {
			helper = 0;
			return failed(name, log);
		}
		usleep(1000);
	}
	return err_set(ERR_INTERNAL, name, "%s does not begin", name);
}

static int
start_helper(char *const argv[], bool by_stdin, const char *ready, const char *log)
{
	auto_fd int out = -1;
	auto_fd int in = -1;
	helper_name = argv[0];
	/* One that begins anew finds what a former one left. */
	if ((file_exists(ready) && sys_unlink("of a former one", ready) < 0) ||
		(file_exists(log) && sys_unlink("of a former one", log) < 0) ||
		sys_create("what it says", log, 0600, &out) < 0 ||
		(by_stdin && sys_create("where it says that it is ready", ready, 0600, &in) < 0))
		return -1;
	const struct run r = {.argv = argv, .fd = {in, out, out}, .status_fd = -1, .tied = true};
	helper = run_start("what the boxes send goes out by sockets of ours", &r);
	return helper < 0 ? -1 : 0;
}

static int
wait_way(const char *ready, const char *log)
{
	if (!is_ready && wait_ready(helper_name, ready, log) < 0)
		return -1;
	is_ready = true;
	return 0;
}

#define W(word) (char *)(uintptr_t)(word)

/* pasta is quicker; none of them is let at what listens on the host's loopback only, but for a name
 * server there: slirp4netns leads to it what is sent to that address of its own. */
static int
lead_out(const char *path)
{
	char ready[PATH_MAX + 16], log[PATH_MAX + 16], found[PATH_MAX];
	snprintf(ready, sizeof(ready), "%s.ready", path);
	snprintf(log, sizeof(log), "%s.log", path);
	char *const pasta[] = {W("pasta"), W("--config-net"), W("--foreground"), W("--quiet"),
		W("--no-map-gw"), W("--dns-forward"), W(SERVERS_USER), W("-t"), W("none"), W("-u"),
		W("none"), W("-T"), W("none"), W("-U"), W("none"), W("--pid"), ready, W("--netns"),
		W(path), NULL};
	char *const slirp[] = {W("slirp4netns"), W("--configure"), W("--mtu=65520"),
		W("--disable-host-loopback"), W("--enable-ipv6"), W("--ready-fd=0"),
		W("--netns-type=path"), W(path), W("tap0"), NULL};
	is_ready = false;
	if (chain_find("pasta", found) == 0)
		return start_helper(pasta, false, ready, log);
	/* It gives its address the mask of a class A first (SIOCSIFADDR), and for that moment
	 * br-setup would find all of 10.0.0.0/8 in use. */
	if (chain_find("slirp4netns", found) == 0)
		return start_helper(slirp, true, ready, log) < 0 ? -1 : wait_way(ready, log);
	err_set(ERR_NOT_FOUND, "pasta",
		"cannot lead the boxes' network to the world: there is "
		"neither pasta nor slirp4netns");
	return err_hint("apt-get install passt (or slirp4netns)");
}

int
keep_way(const char *path, int *fd)
{
	char ready[PATH_MAX + 16], log[PATH_MAX + 16];
	snprintf(ready, sizeof(ready), "%s.ready", path);
	snprintf(log, sizeof(log), "%s.log", path);
	if (keep_net(path, fd) < 0)
		return -1;
	if (wait_way(ready, log) == 0)
		return 0;
	close(take_fd(fd));
	return -1;
}

int
keep_net(const char *path, int *fd)
{
	struct stat sb;
	struct statfs fs;
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	/* A file that nothing is mounted on any more is what a killed keeper left. */
	if (*fd >= 0 && (fstat(*fd, &sb) < 0 || fstatfs(*fd, &fs) < 0 || fs.f_type != NSFS_MAGIC)) {
		close(take_fd(fd));
		if (sys_unlink("the name that a former one had", path) < 0)
			return -1;
	}
	if (*fd < 0) {
		if (sys_netns_pin("the network of the boxes, under a name", path, -1,
			    ": # no shell command: a namespace for the life of this process") < 0)
			return -1;
		*fd = open(path, O_RDONLY | O_CLOEXEC);
		if (*fd < 0)
			return err_sys("open", path, "cannot open %s", path);
	}
	/* One that was killed has taken the way along. */
	if (helper > 0 && waitpid(helper, NULL, WNOHANG) == helper)
		helper = 0;
	if (helper <= 0 && lead_out(path) < 0) {
		close(take_fd(fd));
		return -1;
	}
	return 0;
}

void
keep_net_end(const char *path)
{
	static const char *const more[] = {"", ".ready", ".log"};
	char file[PATH_MAX + 16];
	if (helper > 0)
		sys_kill("what led to the world", &helper, 1, SIGKILL);
	if (file_exists(path))
		sys_umount("let go of the network", path, MNT_DETACH | UMOUNT_NOFOLLOW);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		snprintf(file, sizeof(file), "%s%s", path, more[i]);
		if (file_exists(file))
			sys_unlink("its name goes with it", file);
	}
}
