/* SPDX-License-Identifier: MIT
 * Questions that are answered by trying.
 */
#include "doctor.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/hint.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_cred.h"
#include "mech/ct.h"
#include "mech/net_link.h"
#include "mech/net_nft.h"
#include "mech/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

static bool
says(const char *path, const char *text)
{
	char line[32];
	return file_read_line(path, line, sizeof(line)) == 0 && strcmp(line, text) == 0;
}

/* What the kernel said, for people who want to look it up: "EPERM". */
static void
add_errno(struct answer *a)
{
	if (err.no)
		buf_addf(&a->detail, "%s", err_name(err.no));
}

/* The four switches by which user namespaces are kept from ordinary users, and what each is turned
 * by. What is none of them is a filter around us: a container's, or of a service manager. */
static void
mend_userns(struct buf *mend)
{
	if (says("/proc/sys/user/max_user_namespaces", "0"))
		buf_adds(mend, "sysctl user.max_user_namespaces=15000");
	else if (says("/proc/sys/kernel/unprivileged_userns_clone", "0"))
		buf_adds(mend, "sysctl kernel.unprivileged_userns_clone=1");
	else if (says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
		buf_adds(mend,
			"sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile "
			"for these programs that says userns");
	else if (!file_exists("/proc/self/ns/user"))
		buf_adds(mend, "a kernel with CONFIG_USER_NS");
	else if (err.no == ENOSPC || err.no == EUSERS)
		buf_adds(mend,
			"namespaces are nested too deep, or a limit in /proc/sys/user is reached");
	else
		buf_adds(mend,
			"a seccomp filter or security module forbids it: in a container, "
			"--security-opt seccomp=unconfined; else see dmesg");
}

static void
mend_namespace(const char *name, struct buf *mend)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	if (!file_exists(path))
		buf_addf(mend, "a kernel with %s namespaces (namespaces(7))", name);
	else if (err.no == ENOSPC)
		buf_addf(mend, "a limit is reached: see /proc/sys/user/max_%s_namespaces", name);
	else
		mend_userns(mend);
}

/* In a new user namespace one has all capabilities, or, where AppArmor restricts it, none: only
 * using one tells. */
static int
use_rights(void)
{
	return sys_mount("whoever is root here may mount", "tmpfs", "/tmp", "tmpfs", 0, "size=64k");
}

void
ask_userns(const struct question *q, struct answer *a)
{
	const struct trial t = {.why = "a user namespace, and a mount in it",
		.flags = CLONE_NEWNS,
		.as_user = true,
		.run = use_rights};
	(void)q;
	a->yes = trial(&t) == 0;
	if (a->yes)
		return;
	add_errno(a);
	mend_userns(&a->mend);
}

void
ask_namespace(const struct question *q, struct answer *a)
{
	enum ct_ns ns = (enum ct_ns)q->arg;
	const struct trial t = {.why = q->what, .flags = ct_ns_flag(ns)};
	a->yes = trial(&t) == 0;
	if (a->yes)
		return;
	add_errno(a);
	mend_namespace(ct_ns_name(ns), &a->mend);
}

/* A small file system of its own in the child's mount namespace, so that nothing is written
 * anywhere else. */
static int
make_place(void)
{
	if (sys_mount("keep our mounts to ourselves", NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) <
			0 ||
		sys_mount("a place for the trial", "tmpfs", "/tmp", "tmpfs", 0,
			"size=256k,mode=755") < 0)
		return -1;
	return sys_mkdir("a layer", "/tmp/a", 0755) < 0 ? -1 : sys_mkdir("another", "/tmp/b", 0755);
}

static const char *const layers[] = {"/tmp/a", "/tmp/b"};

/* Whether the trial is in a user namespace; in a dry run nothing else tells. */
static bool user_marks;

/* A dry run has made no layers that ufs-mount's function could look at. */
static int
tell_overlay(void)
{
	const struct sys_overlay o = {.target = "/tmp/root",
		.lower = layers,
		.n_lower = 2,
		.upper = "/tmp/up",
		.work = "/tmp/wk",
		.options = user_marks ? "userxattr" : "index=off"};
	if (sys_mkdir("where they are joined", o.target, 0755) < 0 ||
		sys_mkdir("for what is written", o.upper, 0755) < 0 ||
		sys_mkdir("for the kernel", o.work, 0755) < 0)
		return -1;
	return sys_overlay_fsopen("join them", &o);
}

static int
mount_overlay(void)
{
	static const struct overlay o = {.dir = "/tmp/root",
		.upper = "/tmp/up",
		.work = "/tmp/wk",
		.layers = layers,
		.n = 2};
	if (make_place() < 0 || (step_dry() ? tell_overlay() : overlay_mount(&o)) < 0) {
		hint_for_err(); /* here, where the failure can be looked at */
		return -1;
	}
	return 0;
}

static void
try_overlay(bool as_user, struct answer *a)
{
	const struct trial t = {.why = "join two layers, in a mount namespace of its own",
		.flags = CLONE_NEWNS,
		.as_user = as_user,
		.run = mount_overlay};
	user_marks = as_user || !doctor_is_root();
	a->yes = trial(&t) == 0;
	if (a->yes)
		return;
	add_errno(a);
	/* What kept us from getting there is another question's answer. */
	if (strcmp(err.call, "unshare") == 0 || strcmp(err.call, "write") == 0)
		mend_userns(&a->mend);
	else if (err.hint[0])
		buf_adds(&a->mend, err.hint);
	else
		buf_adds(&a->mend, "ufs-mount --copy does without");
}

void
ask_overlay(const struct question *q, struct answer *a)
{
	(void)q;
	try_overlay(false, a);
}

void
ask_overlay_user(const struct question *q, struct answer *a)
{
	(void)q;
	try_overlay(true, a);
}

static int
mount_one_by_one(void)
{
	const struct sys_overlay o = {.target = "/tmp",
		.lower = layers,
		.n_lower = 2,
		.options = user_marks ? "userxattr" : "index=off"};
	return make_place() < 0 ? -1 : sys_overlay_fsopen("layers one by one", &o);
}

void
ask_overlay_api(const struct question *q, struct answer *a)
{
	const struct trial t = {.why = "give overlay its layers one by one",
		.flags = CLONE_NEWNS,
		.run = mount_one_by_one};
	(void)q;
	user_marks = !doctor_is_root();
	a->yes = trial(&t) == 0;
	if (a->yes)
		return;
	add_errno(a);
	buf_adds(&a->mend,
		"Linux 6.8; until then mount(2) does it, with numbers for long names in the mount table");
}

static int
install_filter(void)
{
	static const struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	if (sys_no_new_privs("without this only root may install filters") < 0)
		return -1;
	return sys_seccomp("a filter that lets everything pass", all, 1);
}

void
ask_seccomp(const struct question *q, struct answer *a)
{
	const struct trial t = {.why = "install a system call filter", .run = install_filter};
	(void)q;
	a->yes = trial(&t) == 0;
	if (a->yes)
		return;
	add_errno(a);
	buf_adds(&a->mend, "a kernel with CONFIG_SECCOMP_FILTER");
}

static int
plug_in(void)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct net_link_info bridge = {0};
	struct net *n = net_open();
	auto_fd int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (!n)
		return -1;
	int r = net_bridge_add(n, "a bridge", "tb0", mac, 0, false);
	if (r == 0 && !step_dry())
		r = net_link_get(n, "tb0", &bridge);
	struct net_veth v = {.name = "tb1",
		.bridge = "tb0",
		.peer_name = "tb2",
		.netns = "/proc/self/ns/net",
		.mac = {2, 0, 0, 0, 0, 2},
		.peer_mac = {2, 0, 0, 0, 0, 3},
		.mtu = 1500,
		.bridge_index = bridge.index,
		.peer_fd = here};
	if (r == 0)
		r = net_veth_add(n, "a cable, plugged into it", &v);
	net_close(n);
	return r;
}

void
ask_cable(const struct question *q, struct answer *a)
{
	const struct trial t = {.why = "a bridge and a cable in a network of its own",
		.flags = CLONE_NEWNET,
		.run = plug_in};
	(void)q;
	a->yes = trial(&t) == 0;
	if (a->yes)
		return;
	add_errno(a);
	if (err.no == EOPNOTSUPP || err.no == ENODEV)
		buf_adds(&a->mend, "as root: modprobe -a bridge veth");
	else
		mend_namespace("net", &a->mend);
}

static int
add_table(void)
{
	return nft_change("a table", "a table", "add table inet tacklebox\n");
}

void
ask_nft(const struct question *q, struct answer *a)
{
	const struct trial t = {.why = "packet rules in a network of its own",
		.flags = CLONE_NEWNET,
		.run = add_table};
	(void)q;
	a->yes = trial(&t) == 0;
	if (a->yes)
		return;
	add_errno(a);
	if (strcmp(err.call, "unshare") == 0 || strcmp(err.call, "write") == 0)
		mend_namespace("net", &a->mend);
	else
		buf_adds(&a->mend, "as root: modprobe nf_tables");
}
