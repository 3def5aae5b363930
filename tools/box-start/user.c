/* SPDX-License-Identifier: MIT
 * The user namespace of a box with ids of its own: made before all else, for its layers are shown
 * with its ids and its network namespace is to belong to it, so that root in the box may use it.
 */
#include "start.h"

#include "base/auto.h"
#include "base/err.h"
#include "box/userns.h"
#include "box/view.h"
#include "door/step.h"
#include "door/sys_userns.h"
#include "mech/netns.h"
#include "mech/userns.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In config.json it is new; what runs joins the one that is there. */
static void
name_it(const struct start *s)
{
	json_t *lin = json_object_get(s->config, "linux"), *ns;
	size_t i;
	json_array_foreach(json_object_get(lin, "namespaces"), i,
		ns) if (strcmp(box_text(ns, "type"), "user") == 0)
		json_object_set_new(ns, "path", json_string(s->user));
	json_object_del(lin, "uidMappings");
	json_object_del(lin, "gidMappings");
}

int
start_user(struct start *s)
{
	const json_t *h = json_object_get(s->doc, "HostConfig");
	struct box other;
	pid_t pid;
	if (!box_userns_read(s->doc, &s->uid, &s->gid))
		return 0;
	int shared = box_userns_other(h, &other);
	if (shared < 0)
		return -1;
	if (!shared)
		box_userns_path(&s->b, s->user);
	else if (box_pid(&other, true, &pid, NULL) < 0)
		return err_prefix("cannot join the user namespace of container %.12s", other.id);
	else
		snprintf(s->user, sizeof(s->user), "/proc/%d/ns/user", pid);
	name_it(s);
	/* One of a former run stays as a file when the host goes down. */
	if (!shared && (userns_unpin(s->user) < 0 || userns_pin(s->user, &s->uid, &s->gid) < 0))
		return -1;
	s->user_fd = step_dry() ? -1 : open(s->user, O_RDONLY | O_CLOEXEC);
	return s->user_fd < 0 && !step_dry()
		? err_sys("open", s->user, "cannot open namespace %s", s->user)
		: 0;
}

int
start_empty_net(const struct start *s, const char *ns)
{
	struct netns made;
	if (netns_open_for(ns, s->user[0] ? s->user : NULL, &made) < 0)
		return -1;
	if (made.fd >= 0)
		close(made.fd);
	return 0;
}
