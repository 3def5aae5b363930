/* SPDX-License-Identifier: MIT
 * What to take back if a later step fails. Each step that left something on the host pushes its
 * inverse; tool_die() runs them backwards. Undoing is never made to fail by injected faults.
 */
#ifndef TACKLE_UNDO_H
#define TACKLE_UNDO_H

/* One inverse: gets the two strings that were pushed with it. Returns 0, or -1 with errno set. */
typedef int undo_fn(const char *a, const char *b);

undo_fn undo_rmdir; /* a: directory made by us */
undo_fn undo_unlink; /* a: file, symlink or device made by us */
undo_fn undo_empty_dir; /* a: directory that was empty before */
undo_fn undo_umount; /* a: mount point */
undo_fn undo_write; /* a: file, b: the text it held before */
undo_fn undo_remove_tree; /* a: directory made by us, with all that is in it */
undo_fn undo_rename; /* a: what it is called now, b: what it was called */

/* Remembers fn(a, b); the strings are copied, b may be NULL. `shell` is the command that -x tells
 * for it ("rmdir /x"). Does nothing in a dry run. */
void undo_push(undo_fn *fn, const char *a, const char *b, const char *shell);
/* Runs everything backwards and forgets it. What cannot be undone is said on stderr and left; errno
 * and `err` stay as they were. */
void undo_all(void);
/* Between the two it is only about what was pushed since: the steps of a tool that we are for a
 * while. */
void undo_down(void);
void undo_up(void);
/* Forgets everything: from here on what was made stays (the work is done), or goes by itself (it
 * lives in namespaces that end with us). */
void undo_forget(void);

#endif
