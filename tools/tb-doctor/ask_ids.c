/* SPDX-License-Identifier: MIT
 * What boxes with user ids of their own, and layers of a given size, need of the file system that
 * boxes are on.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "doctor.h"
#include "door/state.h"
#include "door/sys_quota.h"
#include "door/sys_userns.h"
#include "mech/userns.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* Where boxes are, or will be: the part of that path that is there. */
static int
place_of_boxes(char path[PATH_MAX])
{
	if (state_root(path) < 0)
		return -1;
	while (!dir_exists(path)) {
		char *slash = strrchr(path, '/');
		if (slash == path)
			slash++;
		*slash = '\0';
	}
	return 0;
}

static int
clone_shifted(void)
{
	struct ct_id_map one = {0, 100000, 65536};
	const struct ct_id_maps maps = {&one, 1};
	char path[PATH_MAX];
	auto_fd int user = -1;
	auto_fd int tree = -1;
	if (place_of_boxes(path) < 0 || userns_make(&maps, &maps, &user) < 0)
		return -1;
	return sys_clone_tree("show it with other ids", path, false, user, &tree);
}

void
ask_idmap(const struct question *q, struct answer *a)
{
	const struct trial t = {.why = "show where boxes are with other ids",
		.flags = CLONE_NEWNS,
		.run = clone_shifted};
	(void)q;
	if (!doctor_is_root()) {
		buf_adds(&a->mend,
			"--userns is for root's boxes: those of others are in a user "
			"namespace already");
		return;
	}
	a->yes = trial(&t) == 0;
	if (a->yes)
		return;
	buf_adds(&a->detail, err.no ? err_name(err.no) : "");
	buf_adds(&a->mend,
		err.hint[0] ? err.hint
			    : "Linux 5.19, and the state on ext4, xfs, btrfs or (Linux 6.3) tmpfs");
}

void
ask_projects(const struct question *q, struct answer *a)
{
	char path[PATH_MAX];
	(void)q;
	a->yes = doctor_is_root() && place_of_boxes(path) == 0 && sys_project_there(path);
	if (!a->yes)
		buf_adds(&a->mend,
			doctor_is_root() ? "boxes on xfs, or on ext4 made with -O quota,project, "
					   "mounted with prjquota; a file as a disk does without"
					 : "only root sets quotas: --storage-opt type=tmpfs has a "
					   "size for everybody");
}
