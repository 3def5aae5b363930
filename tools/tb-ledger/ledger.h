/* SPDX-License-Identifier: MIT
 * What tb-ledger looks for: a table of kinds. A kind lists the things of its sort that bear our
 * mark, and can take one away. A new sort of thing is a new row.
 */
#ifndef TACKLE_LEDGER_H
#define TACKLE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

struct kind;

/* One thing that is left. */
struct item {
	const struct kind *kind;
	char *name;
	char *detail; /* for people */
	bool in_use; /* a live box, or another program at work, holds it: left alone without --force
		      */
	bool elsewhere; /* out of our reach, and gone with its last process */
};

struct ledger {
	struct item *v;
	size_t n;
};

/* Adds one; the name is copied, the detail formatted. The item returned is good until the next
 * call. */
struct item *ledger_add(struct ledger *l, const struct kind *k, const char *name,
	const char *detail, ...) __attribute__((format(printf, 4, 5)));

struct kind {
	const char *name;
	/* Adds what there is. Returns 0, or -1 with `err` set. */
	int (*list)(struct ledger *l, const struct kind *k);
	/* Takes one away; one that went with another before it is fine. Returns 0, or -1 with `err`
	 * set. */
	int (*clean)(const struct item *i, bool force);
};

/* In the order in which they are listed, and have to go: what holds others comes first. */
extern const struct kind ledger_kinds[];

int list_processes(struct ledger *l, const struct kind *k);
int clean_process(const struct item *i, bool force);
int list_groups(struct ledger *l, const struct kind *k);
int clean_group(const struct item *i, bool force);
int list_mounts(struct ledger *l, const struct kind *k);
int clean_mount(const struct item *i, bool force);
int list_netns(struct ledger *l, const struct kind *k);
int clean_netns(const struct item *i, bool force);
int list_links(struct ledger *l, const struct kind *k);
int clean_link(const struct item *i, bool force);
int list_tables(struct ledger *l, const struct kind *k);
int clean_table(const struct item *i, bool force);
int list_leases(struct ledger *l, const struct kind *k);
int clean_lease(const struct item *i, bool force);
int list_copies(struct ledger *l, const struct kind *k);
int clean_copy(const struct item *i, bool force);
int list_notes(struct ledger *l, const struct kind *k);
int clean_note(const struct item *i, bool force);
int list_temporaries(struct ledger *l, const struct kind *k);
int clean_temporary(const struct item *i, bool force);

/* Whether what the host has is ours to list: root outside any user namespace sees and may end all
 * of it; anybody else is answerable for his own. */
bool ledger_for_all(void);
/* Whether the caller is root, be it of a user namespace: then the mounts and links that he sees
 * are his to remove. */
bool ledger_is_root(void);
/* Name of a process, "" for one that is gone. Owned by the function, until the next call. */
const char *ledger_comm(const char *pid);

/* Whether a live box, or whoever else holds the lock below $TACKLEBOX_ROOT/boxes, uses the path. */
bool ledger_box_alive(const char *path);
/* Whether somebody holds a lock on the file (flock(2)). */
bool ledger_locked(const char *path);

#endif
