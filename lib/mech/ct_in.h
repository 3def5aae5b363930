/* SPDX-License-Identifier: MIT
 * What the files of ct share among themselves.
 */
#ifndef TACKLE_CT_IN_H
#define TACKLE_CT_IN_H

#include "base/err.h"
#include "mech/cgroup.h"
#include "mech/ct.h"

#include <signal.h>
#include <sys/stat.h>

/* ---- ids in a user namespace (ct_idmap.c) ---- */

/* Maps of more than the caller's own id must be written from outside, with rights outside: by a
 * helper that is forked before we go in. */
struct ct_idmap {
	bool outside; /* a helper does it */
	pid_t helper;
	int pipe[2]; /* to it: the word to begin; from it: how it went */
	struct ct_id_maps uid, gid;
	uid_t own_uid; /* ours, before */
	gid_t own_gid;
};
int ct_idmap_prepare(const struct ct *c, struct ct_idmap *m);
/* In the new user namespace: the maps are written, and where they hold it we are user 0. */
int ct_idmap_apply(struct ct_idmap *m);
/* In the parent of the helper: it has ended. */
void ct_idmap_done(struct ct_idmap *m);
/* Whether this process is in another user namespace than the machine's first. */
bool ct_in_user_ns(void);
/* Whether group gid exists in the user namespace that c asks for. */
bool ct_idmap_has_gid(const struct ct *c, uint32_t gid);

/* ---- what is opened before a user namespace is joined (ct_outside.c) ---- */

struct ct_outside {
	bool from_outside; /* we join it with rights over it, and become its root */
	int *tree; /* of each of c->mounts: a detached copy of a bind's source, or -1 */
	size_t n;
	int root; /* the same of the root, or -1 */
	int pidfile; /* -1: by its path */
};
/* Nothing is opened where nothing needs it. -1 with `err` set. */
int ct_outside_open(const struct ct *c, struct ct_outside *o);
/* Hard limits above ours: only who has the capability outside may raise them (setrlimit(2)). The
 * soft ones stay until all else is done. */
int ct_outside_limits(const struct ct_process *p);
void ct_outside_close(struct ct_outside *o);

/* ---- one who starts, or joins (ct_child.c) ---- */

struct ct_child {
	const struct ct *c;
	const struct ct_target *target; /* of ct_join, else NULL */
	bool forked; /* a child of the caller, not the caller itself */
	bool failed; /* seen by a parent that shares its memory */
	bool creds_changed; /* the kernel forgot the parent-death signal */
	int unshare; /* CLONE_NEW* still to be made */
	int sock; /* to the parent, -1 for none */
	int other; /* the parent's end, of which a child has a copy */
	bool in_group; /* it was born in k->group's v2 directory */
	bool gate; /* wait there for the word to go on */
	sigset_t mask; /* what the program starts with */
	bool ignored_sigchld; /* and this */
	struct ct_idmap map;
	struct ct_outside out;
	struct cgroup group;
	bool grouped; /* the group was joined before all else */
	struct stat own; /* our program's file */
	unsigned nested; /* shells that the script is in */
};
/* Once in a user namespace that was joined from outside: root of it. */
int ct_outside_become_root(const struct ct_child *k);
/* oom_score_adj of this process, and those that come of it (proc(5)). */
int ct_set_oom(const struct ct *c);
/* Everything between being alone and being the program. Returns only on failure, -1 with `err`
 * set. */
int ct_child_steps(struct ct_child *k);
/* Whether the program will run in a root that is not the caller's. */
bool ct_is_foreign(const struct ct_child *k);

/* Joins k->target (ct_join.c): all its namespaces in one call, then its root and directory. */
int ct_join_target(struct ct_child *k);

/* What goes over the socket: how the child stands. */
struct ct_report {
	bool failed;
	struct err err;
};
/* Sends it, with a descriptor unless that is -1; receives it: 1, or 0 when the other end is closed.
 */
int ct_send(int sock, const struct ct_report *r, int fd);
int ct_receive(int sock, struct ct_report *r, int *fd);

/* ---- the root (ct_root.c, ct_mount.c, ct_dev.c, ct_mask.c) ---- */

struct ct_tree {
	const struct ct *c;
	int fd; /* the root directory */
	const char *path; /* and its path, for people */
	const struct ct_outside *out; /* NULL: nothing was taken along */
	size_t done; /* how many of c->mounts are there */
};
/* Builds the mount tree at c->root.path, in a mount namespace of our own. */
int ct_root_build(const struct ct *c, const struct ct_outside *out, struct ct_tree *t);
/* Swaps it with the old root, which is gone then. */
int ct_root_enter(const struct ct_tree *t);

/* A place to mount on. */
struct ct_place {
	int fd; /* O_PATH; -1 in a dry run of what is not there yet */
	char shown[PATH_MAX];
};
enum ct_place_kind {
	CT_DIR, /* made when missing */
	CT_FILE, /* made when missing */
	CT_ORDINARY_DIR, /* the same, but no part of its path may be a symlink */
};
int ct_place_open(
	const struct ct_tree *t, const char *path, enum ct_place_kind kind, struct ct_place *p);
int ct_mount_all(struct ct_tree *t);
int ct_dev_make(const struct ct_tree *t);
/* One device of the host, shown at `path` of the root. */
int ct_dev_bind(const struct ct_tree *t, const char *host, const char *path);
int ct_mask_all(const struct ct_tree *t);

/* ---- who it is (ct_ident.c) ---- */

struct ct_identity {
	bool set_ids, set_groups;
	uid_t uid;
	gid_t gid;
	gid_t groups[64];
	size_t n_groups;
	char home[256]; /* "" when not looked up, or not known */
};
/* Looks the process's user up in the root behind root_fd. */
int ct_identity_find(const struct ct_process *p, int root_fd, struct ct_identity *id);
/* Becomes it: groups, capabilities, ids, no_new_privs, seccomp. */
int ct_identity_become(struct ct_child *k, const struct ct_identity *id);
/* Its environment. */
int ct_environment(const struct ct_process *p, const struct ct_identity *id);

/* ---- the script (ct_script.c) ---- */

/* The script's first comments: what must come after pivot_root, and so from the new root. */
void ct_script_needs(const struct ct_child *k);
/* "nsenter --net=… unshare --pid --fork …", in which all that follows is to run; NULL where c needs
 * none of it, or nobody listens. For a child the one who makes it nests; ct_script_nest() is for
 * the others. */
const char *ct_script_open(struct ct_child *k, struct buf *command);
void ct_script_nest(struct ct_child *k, const char *command);
/* "exec", or "exec setpriv …": how the script runs the program. */
void ct_script_exec(const struct ct_child *k, const struct ct_identity *id, struct buf *words);

/* ---- a terminal, an init, waiting (ct_tty.c, ct_init.c, ct_wait.c) ---- */

/* Child: makes the pty (in the root behind t, the host's when NULL) and /dev/console there. */
int ct_tty_open(const struct ct_tree *t, int *master, int *slave);
/* Parent: relays between our terminal and master until the child has ended. */
int ct_tty_relay(const struct ct_proc *p);
/* Forks: the child goes on (returns 0), process 1 stays and ends with the child's status. */
int ct_init_fork(void);
/* Signals to hand on to pid, except those that the terminal sends us both. */
void ct_forward(pid_t pid, const siginfo_t *si);
/* Looks for an end of p: its exit status, or -1 while it runs. Stops with it when it is stopped. */
int ct_reap(pid_t pid);

#endif
