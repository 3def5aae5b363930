/* SPDX-License-Identifier: MIT
 * What tb-doctor looks at: a table of questions. Where trying does no harm it is tried, in a child
 * in namespaces of its own; else the files are read in which the kernel says it.
 */
#ifndef TACKLE_DOCTOR_H
#define TACKLE_DOCTOR_H

#include "base/buf.h"

#include <stdbool.h>

struct answer {
	bool yes;
	struct buf detail; /* how, or how much of it; may be empty */
	struct buf mend; /* for a no: what would make it a yes */
};

struct question {
	const char *word; /* for --require */
	const char *what;
	/* Fills the answer, which is no and empty before. */
	void (*ask)(const struct question *q, struct answer *a);
	unsigned long arg; /* what sort: a flag, a controller */
};

/* ---- tried (trial.c, ask_tried.c) ---- */

/* What to do in the child, after it has entered new namespaces. Returns 0, or -1 with `err` set. */
struct trial {
	const char *why;
	int flags; /* CLONE_NEW*: the child's new namespaces */
	bool as_user; /* as an ordinary user does it, even when we are root */
	int (*run)(void); /* NULL: being there is enough */
};
/* Returns 0 when it went well, or -1 with `err` as the child left it. */
int trial(const struct trial *t);
/* Whether we are root of the first user namespace, who needs no user namespace for anything. */
bool doctor_is_root(void);

void ask_userns(const struct question *q, struct answer *a);
void ask_namespace(const struct question *q, struct answer *a);
void ask_overlay(const struct question *q, struct answer *a);
void ask_overlay_user(const struct question *q, struct answer *a);
void ask_overlay_api(const struct question *q, struct answer *a);
void ask_seccomp(const struct question *q, struct answer *a);
void ask_cable(const struct question *q, struct answer *a);
void ask_nft(const struct question *q, struct answer *a);

/* ---- of the file system that boxes are on (ask_ids.c) ---- */

void ask_idmap(const struct question *q, struct answer *a);
void ask_projects(const struct question *q, struct answer *a);

/* ---- read (ask_read.c, ask_cgroup.c) ---- */

void ask_kernel(const struct question *q, struct answer *a);
void ask_fuse_overlayfs(const struct question *q, struct answer *a);
void ask_forward(const struct question *q, struct answer *a);
void ask_br_netfilter(const struct question *q, struct answer *a);
void ask_ids(const struct question *q, struct answer *a);
void ask_net_user(const struct question *q, struct answer *a);
void ask_tun(const struct question *q, struct answer *a);
void ask_loop(const struct question *q, struct answer *a);
void ask_mkfs(const struct question *q, struct answer *a);
void ask_cgroup(const struct question *q, struct answer *a);
void ask_controller(const struct question *q, struct answer *a);
void ask_delegated(const struct question *q, struct answer *a);
void ask_user_groups(const struct question *q, struct answer *a);
void ask_cg_kill(const struct question *q, struct answer *a);
void ask_cg_swap(const struct question *q, struct answer *a);

/* The kernel's release as one number, 5.11 as 511: only for what nothing else tells. */
int doctor_kernel(void);

#endif
