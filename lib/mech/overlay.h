/* SPDX-License-Identifier: MIT
 * Layers joined to one tree: overlay, the kernel's union file system, and what stands in for it
 * where it cannot be had.
 *
 * An overlay shows several directories as one. Of files with the same name the topmost is seen;
 * directories are merged. Only the upper directory is ever written: a lower file is copied up
 * before its first change, and a removal leaves a whiteout there (a character device 0:0) that
 * hides what lies below. WORK is the kernel's scratch, from which finished files are renamed into
 * UPPER. See Documentation/filesystems/overlayfs.rst of the kernel.
 *
 * Functions return 0, or -1 with `err` set.
 */
#ifndef TACKLE_OVERLAY_H
#define TACKLE_OVERLAY_H

#include "base/opt.h"
#include "mech/ct.h"

#include <stdbool.h>
#include <stddef.h>

/* What the kernel stacks at most (OVL_MAX_STACK in fs/overlayfs/params.h). */
#define OVERLAY_MAX_LAYERS 500

struct overlay {
	const char *dir; /* where the merged tree appears; made if missing */
	const char *upper, *work; /* both or none (then nothing can be written); made if missing,
				     and on one file system */
	const char *const *layers; /* directories, bottom first */
	size_t n;
	/* Where they are not empty: on the disk all ids are those of a container, and the merged
	 * tree shows them as they are outside of its user namespace. upper and work lie in one
	 * directory then. */
	struct ct_id_maps uid_map, gid_map;
};

/* Whether overlay has to keep its marks in user.overlay.* attributes instead of trusted.overlay.*:
 * so in any user namespace but the first, where trusted.* may not be written
 * (mount option userxattr, Linux 5.11). */
bool overlay_user_xattr(void);

/* Mounts the layers on o->dir with our mark as the source. One read-only layer alone, which overlay
 * does not take, is bound there instead, and noted (state.h). Nothing in a merged tree mounted here
 * refers to its lower layers (no redirected directory, no metadata-only copy), so that UPPER can
 * become a layer by itself. Classes: not-found (a layer), invalid (too many, twice, in each
 * other), in-use (UPPER belongs to another overlay), unsupported. */
int overlay_mount(const struct overlay *o);

/* The command line of ufs-mount that does the same, ended by NULL; the strings are borrowed from o,
 * but for those of maps, which are allocated. */
void overlay_words(const struct overlay *o, struct strlist *l);

/* Copies the layers into o->dir, which is made or must be empty, and notes it. The result is what
 * an overlay would show; there is no UPPER. `warning` gets the first thing that could not be kept
 * (an owner, a device), "" when nothing was lost. On failure nothing is left. */
int overlay_copy(const struct overlay *o, char warning[256]);

/* Unmounts what overlay_mount() mounted on dir; class not-found for any other mount. Lazily: it
 * leaves the tree of directories at once, and ends with its last user. */
int overlay_umount(const char *dir, bool lazy);
/* Removes what overlay_copy() made, with all that was written to it since; class not-found for a
 * directory that is no such copy. */
int overlay_remove_copy(const char *dir);

#endif
