/* SPDX-License-Identifier: MIT
 * Trying something in a child: whatever it does to itself and its namespaces ends with it.
 */
#include "doctor.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/channel.h"
#include "door/step.h"
#include "door/sys_cred.h"
#include "door/sys_ns.h"
#include "door/tell.h"
#include "mech/ct.h"
#include "mech/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* "nobody", as everywhere: the user with the fewest rights. */
#define NOBODY 65534

bool
doctor_is_root(void)
{
	/* Overlay asks the same question: are we in the first user namespace? */
	return geteuid() == 0 && !overlay_user_xattr();
}

/* What the child does, on its way to the pipe. */
struct child {
	const struct trial *t;
	int report; /* write end */
};

static bool
needs_user_namespace(const struct trial *t)
{
	return t->as_user || !doctor_is_root();
}

static int
become_nobody(void)
{
	if (sys_setgroups("as nobody: no other groups", 0, NULL) < 0 ||
		sys_setgid("nobody's group", NOBODY) < 0 ||
		sys_setuid("and nobody himself", NOBODY) < 0)
		return -1;
	return sys_dumpable("whose process may write its own maps");
}

/* One id, mapped to 0: what everybody may map (user_namespaces(7)). */
static int
map_ids(uid_t uid, gid_t gid)
{
	char line[32];
	if (sys_id_map("one group is mapped only where groups cannot be changed",
		    "/proc/self/setgroups", "deny") < 0)
		return -1;
	snprintf(line, sizeof(line), "0 %u 1", uid);
	if (sys_id_map("we are root inside", "/proc/self/uid_map", line) < 0)
		return -1;
	snprintf(line, sizeof(line), "0 %u 1", gid);
	return sys_id_map("and so is our group", "/proc/self/gid_map", line);
}

static int
enter(const struct trial *t)
{
	bool user = needs_user_namespace(t);
	if (t->as_user && doctor_is_root() && become_nobody() < 0)
		return -1;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int flags = t->flags | (user ? CLONE_NEWUSER : 0);
	if (flags && sys_unshare(t->why, flags) < 0)
		return -1;
	return user ? map_ids(uid, gid) : 0;
}

static int
enter_and_run(const struct trial *t)
{
	if (enter(t) < 0)
		return -1;
	return t->run ? t->run() : 0;
}

static int
child_main(void *arg)
{
	const struct child *c = arg;
	char prefix[80];
	snprintf(prefix, sizeof(prefix), "%s.", tell_number());
	tell_open(tell_fd(), prefix);
	if (enter_and_run(c->t) == 0)
		err_clear();
	return write(c->report, &err, sizeof(err)) == (ssize_t)sizeof(err) ? 0 : 1;
}

/* The command that enters the same namespaces. */
static void
add_command(const struct trial *t, struct buf *b)
{
	int flags = t->flags;
	if (t->as_user && doctor_is_root())
		buf_addf(b, "setpriv --reuid=%d --regid=%d --clear-groups ", NOBODY, NOBODY);
	buf_adds(b, flags || needs_user_namespace(t) ? "unshare" : "env");
	if (needs_user_namespace(t))
		buf_adds(b, " --user --map-root-user");
	for (enum ct_ns ns = 0; ns < CT_NS_COUNT; ns++)
		if (flags & ct_ns_flag(ns) && ns != CT_USER)
			buf_addf(b, " --%s", ns == CT_MOUNT ? "mount" : ct_ns_name(ns));
	if (flags & (CLONE_NEWPID | CLONE_NEWTIME))
		buf_adds(b, " --fork");
}

/* What the child reports: `err`, with errno 0 and no message when all went well. */
static int
hear(int from, pid_t pid)
{
	struct err heard;
	ssize_t n;
	do
		n = read(from, &heard, sizeof(heard));
	while (n < 0 && errno == EINTR);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (n != (ssize_t)sizeof(heard))
		return err_set(ERR_INTERNAL, NULL, "the trial ended without an answer");
	err = heard;
	return err.message[0] ? -1 : 0;
}

int
trial(const struct trial *t)
{
	static char *const no_words[] = {NULL};
	auto_buf struct buf command = BUF_INIT;
	int ends[2], r = -1;
	if (pipe_pair(ends) < 0)
		return -1;
	auto_fd int from = ends[0];
	auto_fd int to = ends[1];
	struct child c = {.t = t, .report = to};
	add_command(t, &command);
	struct sys_clone how = {
		.run = child_main, .arg = &c, .script = buf_str(&command), .cgroup = -1};
	pid_t pid = sys_clone(t->why, &how);
	close(take_fd(&to));
	if (pid >= 0)
		r = step_dry() ? enter_and_run(t) : hear(from, pid);
	tell_unnest(no_words);
	if (how.pidfd >= 0)
		close(how.pidfd);
	return r;
}
