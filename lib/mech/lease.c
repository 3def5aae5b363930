/* SPDX-License-Identifier: MIT */
#include "mech/lease.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int
leases_dir(const char *bridge, char path[PATH_MAX])
{
	return state_run_path(path, "leases%s%s", bridge ? "/" : "", bridge ? bridge : "");
}

static int
lock_path(const char *bridge, char path[PATH_MAX])
{
	if (leases_dir(bridge, path) < 0)
		return -1;
	if (strlen(path) + sizeof("/.lock") > PATH_MAX)
		return err_set(ERR_INVALID, path, "TACKLEBOX_RUN is too long");
	memcpy(path + strlen(path), "/.lock", sizeof("/.lock"));
	return 0;
}

int
lease_prepare_bridge(const char *bridge)
{
	char dir[PATH_MAX], lock[PATH_MAX];
	auto_buf struct buf shell = BUF_INIT;
	if (leases_dir(bridge, dir) < 0 || lock_path(bridge, lock) < 0)
		return -1;
	if (dir_exists(dir) && sys_remove_tree("what a former bridge of this name left", dir) < 0)
		return -1;
	if (sys_mkdir_all("a place for the leases of the bridge", dir, 0755) < 0 ||
		sys_replace("and for their lock", lock, "", 0, 0600) < 0)
		return -1;
	buf_addf(&shell, "rm %s", tell_sh(lock));
	undo_push(undo_unlink, lock, NULL, shell.s);
	return 0;
}

int
lease_lock(const char *bridge, int *fd)
{
	char path[PATH_MAX];
	*fd = -1;
	if (lock_path(bridge, path) < 0)
		return -1;
	return sys_lock(bridge ? "one at a time: two must not get the same address"
			       : "one at a time: two must not get the same port",
		path, true, fd);
}

static int
set_path(struct lease *l)
{
	char dir[PATH_MAX], ip[IPADDR_TEXT];
	if (leases_dir(l->bridge, dir) < 0)
		return -1;
	if (snprintf(l->path, sizeof(l->path), "%s/%s", dir, ipaddr_text(&l->ip, ip)) >=
		(int)sizeof(l->path))
		return err_set(ERR_INVALID, dir, "TACKLEBOX_RUN is too long");
	return 0;
}

static bool
key_is(const char *line, size_t len, const char *key)
{
	return strlen(key) == len && strncmp(line, key, len) == 0;
}

/* One "key=value" line into its field. Unknown keys are a newer version's: left alone. */
static void
read_line(struct lease *l, const char *line)
{
	const char *value = strchr(line, '=');
	int64_t n;
	if (!value)
		return;
	size_t key = (size_t)(value++ - line);
	if (key_is(line, key, "netns"))
		snprintf(l->netns, sizeof(l->netns), "%s", value);
	else if (key_is(line, key, "inode") && parse_int(value, 0, INT64_MAX, &n) == 0)
		l->ino = (ino_t)n;
	else if (key_is(line, key, "name"))
		snprintf(l->name, sizeof(l->name), "%s", value);
	else if (key_is(line, key, "port"))
		snprintf(l->port, sizeof(l->port), "%s", value);
	else if (key_is(line, key, "ifb"))
		snprintf(l->ifb, sizeof(l->ifb), "%s", value);
	else if (key_is(line, key, "published"))
		strlist_add(&l->published, str_new(value));
}

static int
lease_read(const char *bridge, const char *address, struct lease *l)
{
	auto_buf struct buf text = BUF_INIT;
	*l = (struct lease){0};
	snprintf(l->bridge, sizeof(l->bridge), "%s", bridge);
	if (ipaddr_parse(address, &l->ip) < 0 || set_path(l) < 0 ||
		file_read(l->path, 65536, &text) < 0)
		return -1;
	char *rest = text.s;
	for (char *line; (line = strsep(&rest, "\n"));)
		read_line(l, line);
	return 0;
}

static void
lease_text(const struct lease *l, struct buf *b)
{
	buf_addf(b, "netns=%s\ninode=%llu\nname=%s\nport=%s\n", l->netns,
		(unsigned long long)l->ino, l->name, l->port);
	if (l->ifb[0])
		buf_addf(b, "ifb=%s\n", l->ifb);
	for (size_t i = 0; i < l->published.n; i++)
		buf_addf(b, "published=%s\n", l->published.v[i]);
}

int
lease_rewrite(const struct lease *l)
{
	auto_buf struct buf text = BUF_INIT;
	lease_text(l, &text);
	return sys_replace("the lease, for everybody to read", l->path, text.s, text.len, 0644);
}

int
lease_write(const struct lease *l)
{
	auto_buf struct buf shell = BUF_INIT;
	if (lease_rewrite(l) < 0)
		return -1;
	buf_addf(&shell, "rm %s", tell_sh(l->path));
	undo_push(undo_unlink, l->path, NULL, shell.s);
	return 0;
}

int
lease_remove(const struct lease *l)
{
	return sys_unlink("the address is free again", l->path);
}

bool
lease_is_of(const struct lease *l, const struct netns *ns)
{
	return ns->ino ? l->ino == ns->ino : strcmp(l->netns, ns->path) == 0;
}

bool
lease_has_cable(const struct lease *l)
{
	return if_nametoindex(l->port) != 0;
}

/* The kernel gives the inode number of a namespace that ended to the next one made, and `ip netns`
 * gives it the same name: only the cable is then missing, which went before the number was free. */
bool
lease_alive(const struct lease *l)
{
	struct stat sb;
	return stat(l->netns, &sb) == 0 && sb.st_ino == l->ino && lease_has_cable(l);
}

/* Whether the file of l->path stands for somebody who still lives, or to whom published ports still
 * lead (a dry run took none back); `who` gets the namespace. */
static bool
taken(const struct lease *l, char who[PATH_MAX])
{
	char ip[IPADDR_TEXT];
	struct lease other;
	struct err before = err;
	bool is = lease_read(l->bridge, ipaddr_text(&l->ip, ip), &other) == 0 &&
		(lease_alive(&other) || (other.published.n > 0 && !step_dry()));
	err = before;
	if (is)
		memcpy(who, other.netns, PATH_MAX);
	return is;
}

static int
choose_wanted(const struct bridge *b, struct lease *l)
{
	char ip[IPADDR_TEXT], net[CIDR_TEXT], who[PATH_MAX];
	struct cidr n = cidr_network(&b->v4);
	struct ipaddr last;
	ipaddr_text(&l->ip, ip);
	cidr_text(&n, net);
	uint64_t hosts = (uint64_t)1 << (32 - b->v4.prefix);
	/* Neither the network's own address (all host bits 0) nor the broadcast address (all 1). */
	bool broadcast = cidr_contains(&n, &l->ip) && cidr_host(&n, hosts - 2, &last) &&
		memcmp(l->ip.b, last.b, 4) > 0;
	if (!cidr_contains(&n, &l->ip) || ipaddr_equal(&l->ip, &n.ip) || broadcast)
		return err_set(
			ERR_INVALID, ip, "address %s is not one for a host in subnet %s", ip, net);
	if (ipaddr_equal(&l->ip, &b->v4.ip))
		return err_set(ERR_CONFLICT, ip, "address %s is the bridge's own", ip);
	if (set_path(l) < 0)
		return -1;
	if (!taken(l, who))
		return 0;
	err_set(ERR_CONFLICT, ip, "address %s is taken", ip);
	return err_hint("%s has it: br-detach frees it", who);
}

int
lease_choose(const struct bridge *b, const struct ipaddr *wanted, struct lease *l)
{
	char net[CIDR_TEXT], who[PATH_MAX];
	memcpy(l->bridge, b->name, sizeof(l->bridge));
	if (wanted->family) {
		l->ip = *wanted;
		return choose_wanted(b, l);
	}
	for (uint64_t n = 1; cidr_host(&b->v4, n, &l->ip); n++) {
		if (ipaddr_equal(&l->ip, &b->v4.ip))
			continue;
		if (set_path(l) < 0)
			return -1;
		if (!taken(l, who))
			return 0;
	}
	struct cidr c = cidr_network(&b->v4);
	err_set(ERR_NO_SPACE, b->name, "no address is free in subnet %s", cidr_text(&c, net));
	return err_hint("br-detach frees one; a larger subnet has more");
}

static int
each_in(const char *bridge, int (*each)(struct lease *, void *), void *arg)
{
	char path[PATH_MAX];
	if (leases_dir(bridge, path) < 0)
		return -1;
	auto_dir DIR *d = opendir(path);
	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return err_sys("open", path, "cannot list %s", path);
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		struct lease l;
		/* Locks and files on their way in (".lock", "10.0.0.2.tmp.77") are no addresses. */
		if (e->d_name[0] == '.' || strstr(e->d_name, ".tmp."))
			continue;
		if (lease_read(bridge, e->d_name, &l) == 0)
			r = each(&l, arg);
		else if (err.no != ENOENT) /* one that is given back just now is none */
			return -1;
	}
	return r;
}

int
lease_each(const char *bridge, int (*each)(struct lease *l, void *arg), void *arg)
{
	char path[PATH_MAX];
	if (bridge)
		return each_in(bridge, each, arg);
	if (leases_dir(NULL, path) < 0)
		return -1;
	auto_dir DIR *d = opendir(path);
	int r = 0;
	for (struct dirent *e; d && r == 0 && (e = readdir(d));)
		if (e->d_name[0] != '.')
			r = each_in(e->d_name, each, arg);
	return r;
}

int
lease_forget_bridge(const char *bridge)
{
	char path[PATH_MAX];
	if (leases_dir(bridge, path) < 0)
		return -1;
	return dir_exists(path) || step_dry() ? sys_remove_tree("its leases", path) : 0;
}
