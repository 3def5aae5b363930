/* SPDX-License-Identifier: MIT
 * Inside the door: the removal of a tree, which both its single steps and its bulk writes make.
 */
#ifndef TACKLE_SWEEP_H
#define TACKLE_SWEEP_H

/* Removes what name is, a directory with all that is in it: however deep and whatever its modes,
 * never through a symlink, never across into another mount. Returns 0, or -1 with errno set. */
int sweep_at(int parent, const char *name);

#endif
