/* SPDX-License-Identifier: MIT
 * Where our state lies: two directories, and the marks by which tb-ledger finds what we made.
 */
#ifndef TACKLE_STATE_H
#define TACKLE_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* The mark on everything made on the host: overlay source, link alias prefix, cgroup attribute. */
#define MARK "tacklebox"
#define MARK_XATTR "user.tacklebox"

/* $TACKLEBOX_ROOT, else /var/lib/tacklebox for root, else $XDG_DATA_HOME/tacklebox or
 * ~/.local/share/tacklebox. An absolute path without a slash at the end; not made. Returns 0, or -1
 * with `err` set. */
int state_root(char path[PATH_MAX]);
/* $TACKLEBOX_RUN, else /run/tacklebox for root, else $XDG_RUNTIME_DIR/tacklebox or
 * /tmp/tacklebox-UID. The last one is an error (class denied) when it is there but is not a
 * directory of the caller's that nobody else may write to: others can make it first. A directory
 * that the user names is taken as it is. */
int state_run(char path[PATH_MAX]);
/* The same, and the directory is made if it is not there: sys_keep_dir(). */
int state_keep_run(const char *why, mode_t mode, char path[PATH_MAX]);
/* The path of something below one of them, as by printf(3): state_root_path(path, "nets/%s.json",
 * name). -1 with `err` set, also when it would be too long. */
int state_root_path(char path[PATH_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int state_run_path(char path[PATH_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Notes in state_run()/made/ what cannot carry a mark itself, before it is made: kind ("mount",
 * "copy" …) and the object's absolute path or name. Undone with the rest on failure. */
int state_note(const char *kind, const char *object);
/* Whether such a note exists. */
bool state_noted(const char *kind, const char *object);
/* Sees each note: its kind and object, and the file it stands in. Stops when it returns other than
 * 0. */
typedef int state_note_fn(void *self, const char *kind, const char *object, const char *path);
/* Calls fn for each note. Returns 0, what fn returned, or -1 with `err` set. */
int state_each_note(state_note_fn *fn, void *self);
/* Forgets the note; a missing one is fine. */
int state_forget(const char *kind, const char *object);

#endif
