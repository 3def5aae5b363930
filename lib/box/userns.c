/* SPDX-License-Identifier: MIT */
#include "box/userns.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "door/rootless.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
box_userns_is_own(const char *mode)
{
	return *mode && strcmp(mode, "host") != 0;
}

void
box_userns_default(json_t *h)
{
	const char *wanted = getenv("TACKLEBOX_USERNS");
	if (!*box_text(h, "UsernsMode") && wanted && *wanted && !rootless_inside())
		json_object_set_new(h, "UsernsMode", json_string(wanted));
}

/* Docker's own words where it has some (moby, daemon/daemon_unix.go). */
int
box_userns_check(const json_t *h)
{
	static const struct {
		const char *key, *why;
	} shared[] = {
		{"NetworkMode",
			"cannot share the host's network namespace when user namespaces are enabled"},
		{"PidMode", "cannot share the host PID namespace when user namespaces are enabled"},
		{"IpcMode", "cannot share the host IPC namespace when user namespaces are enabled"},
	};
	const char *mode = box_text(h, "UsernsMode");
	if (!box_userns_is_own(mode))
		return 0;
	if (rootless_inside()) {
		err_set(ERR_UNSUPPORTED, mode,
			"only root's boxes can have other user ids (--userns %s)", mode);
		return err_hint("a box of an ordinary user is in a user namespace of his already");
	}
	if (box_flag(h, "Privileged")) {
		err_set(ERR_INVALID, "Privileged",
			"privileged mode is incompatible with user namespaces");
		return err_hint("--userns host gives it the host's ids");
	}
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (strcmp(box_text(h, shared[i].key), "host") == 0) {
			err_set(ERR_INVALID, shared[i].key, "%s", shared[i].why);
			return err_hint("--userns host gives it the host's ids");
		}
	return 0;
}

static bool
read_list(const json_t *list, struct ct_id_maps *m)
{
	json_t *item;
	size_t i;
	*m = (struct ct_id_maps){0};
	json_array_foreach(list, i,
		item) if (!json_is_string(item) || ct_opt_map(m, json_string_value(item)) < 0)
	{
		err_clear();
		free(m->v);
		*m = (struct ct_id_maps){0};
		return false;
	}
	return m->n > 0;
}

bool
box_userns_read(const json_t *doc, struct ct_id_maps *uid, struct ct_id_maps *gid)
{
	*gid = (struct ct_id_maps){0};
	if (!read_list(box_value(doc, "HostConfig.IDMappings.UidMap"), uid))
		return false;
	if (read_list(box_value(doc, "HostConfig.IDMappings.GidMap"), gid))
		return true;
	free(uid->v);
	*uid = (struct ct_id_maps){0};
	return false;
}

static json_t *
mappings(const struct ct_id_maps *m)
{
	json_t *list = json_array();
	for (size_t i = 0; i < m->n; i++)
		json_array_append_new(list,
			json_pack("{s:I,s:I,s:I}", "containerID", (json_int_t)m->v[i].container_id,
				"hostID", (json_int_t)m->v[i].host_id, "size",
				(json_int_t)m->v[i].size));
	return list;
}

void
box_userns_mappings(const json_t *doc, json_t *lin)
{
	struct ct_id_maps uid, gid;
	if (!box_userns_read(doc, &uid, &gid))
		return;
	json_object_set_new(lin, "uidMappings", mappings(&uid));
	json_object_set_new(lin, "gidMappings", mappings(&gid));
	free(uid.v);
	free(gid.v);
}

bool
box_userns_has_gid(const json_t *doc, uint32_t gid)
{
	struct ct_id_maps uids, gids;
	bool has = false;
	if (!box_userns_read(doc, &uids, &gids))
		return true;
	for (size_t i = 0; i < gids.n; i++)
		has = has || gid - gids.v[i].container_id < gids.v[i].size;
	free(uids.v);
	free(gids.v);
	return has;
}

void
box_userns_path(const struct box *b, char path[PATH_MAX])
{
	box_path(b, "user", path);
}

int
box_userns_open(const json_t *doc, pid_t pid, int *fd)
{
	char path[64];
	*fd = -1;
	if (!box_value(doc, "HostConfig.IDMappings"))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? err_sys("open", path, "cannot open %s", path) : 0;
}

int
box_userns_other(const json_t *h, struct box *other)
{
	static const char *const modes[] = {"NetworkMode", "PidMode", "IpcMode"};
	static const char prefix[] = "container:";
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *mode = box_text(h, modes[i]);
		if (strncmp(mode, prefix, sizeof(prefix) - 1) == 0)
			return box_find(mode + sizeof(prefix) - 1, other) < 0 ? -1 : 1;
	}
	return 0;
}
