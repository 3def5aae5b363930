/* SPDX-License-Identifier: MIT
 * Which request is answered how: one table, from which `apid --endpoints` and the manual page are
 * made as well.
 */
#include "apid.h"

#include <stdlib.h>
#include <string.h>

#define NO_SWARM(method, path) \
	{ \
		method, path, system_no_swarm, BODY_NONE, NULL, "", "503: in no swarm" \
	}

static const struct route routes[] = {
	{"GET", "/_ping", system_ping, BODY_NONE, NULL, "", "whether we are there"},
	{"HEAD", "/_ping", system_ping, BODY_NONE, NULL, "", "the same without a body"},
	{"GET", "/version", system_version, BODY_NONE, NULL, "", "what we are"},
	{"GET", "/info", system_info, BODY_NONE, NULL, "tb-doctor", "the machine"},
	{"GET", "/system/df", system_df, BODY_NONE, NULL, "tb-df", "what takes how much"},

	{"POST", "/auth", system_auth, BODY_WHOLE, NULL, "img-auth",
		"whether a registry knows a user"},
	{"GET", "/events", system_events, BODY_NONE, NULL, "box-events", "what happens"},

	{"GET", "/containers/json", containers_list, BODY_NONE, NULL, "box-ps", "all containers"},
	{"GET", "/containers/ps", containers_list, BODY_NONE, NULL, "box-ps", "the same"},
	{"POST", "/containers/create", containers_create, BODY_WHOLE, NULL, "box-create",
		"a new one"},
	{"POST", "/containers/prune", containers_prune, BODY_NONE, NULL, "tb-prune",
		"removes those that have ended"},
	{"GET", "/containers/{}/json", containers_inspect, BODY_NONE, NULL, "box-inspect",
		"all that is known of one"},
	{"POST", "/containers/{}/start", containers_start, BODY_NONE, NULL, "box-start", "runs it"},
	{"POST", "/containers/{}/stop", containers_stop, BODY_NONE, NULL, "box-stop", "stops it"},
	{"POST", "/containers/{}/restart", containers_restart, BODY_NONE, NULL, "box-restart",
		"stops and starts it"},
	{"POST", "/containers/{}/kill", containers_kill, BODY_NONE, NULL, "box-kill",
		"sends a signal"},
	{"POST", "/containers/{}/pause", containers_pause, BODY_NONE, NULL, "box-pause",
		"freezes it"},
	{"POST", "/containers/{}/unpause", containers_unpause, BODY_NONE, NULL, "box-unpause",
		"thaws it"},
	{"POST", "/containers/{}/rename", containers_rename, BODY_NONE, NULL, "box-rename",
		"another name"},
	{"POST", "/containers/{}/update", containers_update, BODY_WHOLE, NULL, "box-update",
		"other limits"},
	{"POST", "/containers/{}/resize", containers_resize, BODY_NONE, NULL, "box-resize",
		"the size of its terminal"},
	{"POST", "/containers/{}/wait", containers_wait, BODY_NONE, NULL, "box-wait",
		"waits for its end"},
	{"POST", "/containers/{}/attach", containers_attach, BODY_NONE, NULL, "box-attach",
		"its streams, upgraded to tcp"},
	{"GET", "/containers/{}/attach/ws", containers_attach_ws, BODY_NONE, NULL, "box-attach",
		"its streams, in a web socket"},
	{"GET", "/containers/{}/logs", containers_logs, BODY_NONE, NULL, "box-logs",
		"what it has written"},
	{"GET", "/containers/{}/top", containers_top, BODY_NONE, NULL, "box-top", "its processes"},
	{"GET", "/containers/{}/stats", containers_stats, BODY_NONE, NULL, "box-stats",
		"what it uses"},
	{"GET", "/containers/{}/changes", containers_diff, BODY_NONE, NULL, "box-diff",
		"what it has changed"},
	{"GET", "/containers/{}/export", containers_export, BODY_NONE, NULL, "box-export",
		"its files as a tar"},
	{"DELETE", "/containers/{}", containers_remove, BODY_NONE, NULL, "box-rm", "removes it"},
	{"HEAD", "/containers/{}/archive", archive_stat, BODY_NONE, NULL, "box-cp",
		"what a path of it is"},
	{"GET", "/containers/{}/archive", archive_get, BODY_NONE, NULL, "box-cp",
		"files of it as a tar"},
	{"PUT", "/containers/{}/archive", archive_put, BODY_JOB, archive_begin_put, "box-cp",
		"files for it"},
	{"POST", "/containers/{}/copy", archive_copy, BODY_WHOLE, NULL, "box-cp",
		"the same, as it was before 1.20"},
	{"POST", "/commit", containers_commit, BODY_NONE, NULL, "box-commit",
		"an image of a container"},

	{"POST", "/containers/{}/exec", exec_create, BODY_WHOLE, NULL, "",
		"notes a program to run"},
	{"POST", "/exec/{}/start", exec_start, BODY_WHOLE, NULL, "box-exec",
		"runs it, upgraded to tcp"},
	{"POST", "/exec/{}/resize", exec_resize, BODY_NONE, NULL, "", "the size of its terminal"},
	{"GET", "/exec/{}/json", exec_inspect, BODY_NONE, NULL, "", "what became of it"},

	{"GET", "/images/json", images_list_all, BODY_NONE, NULL, "img-ls", "all images"},
	{"GET", "/images/{*}/json", images_inspect, BODY_NONE, NULL, "img-inspect",
		"all that is known of one"},
	{"GET", "/images/{*}/history", images_history, BODY_NONE, NULL, "img-history",
		"how it came to be"},
	{"POST", "/images/create", images_create, BODY_JOB, images_begin_create,
		"img-pull, img-import", "from a registry, or of a tar"},
	{"POST", "/images/load", images_load, BODY_JOB, images_begin_load, "img-load",
		"those of an archive"},
	{"GET", "/images/get", images_save, BODY_NONE, NULL, "img-save", "several as an archive"},
	{"GET", "/images/{*}/get", images_save_one, BODY_NONE, NULL, "img-save",
		"one as an archive"},
	{"POST", "/images/{*}/push", images_push, BODY_NONE, NULL, "img-push", "to a registry"},
	{"POST", "/images/{*}/tag", images_tag, BODY_NONE, NULL, "img-tag", "another name"},
	{"POST", "/images/prune", images_prune, BODY_NONE, NULL, "tb-prune",
		"removes those that nobody needs"},
	{"DELETE", "/images/{*}", images_rm, BODY_NONE, NULL, "img-rm, img-gc",
		"removes a name, or the image"},

	{"GET", "/networks", networks_all, BODY_NONE, NULL, "net-ls", "all networks"},
	{"POST", "/networks/create", networks_create, BODY_WHOLE, NULL, "net-create", "a new one"},
	{"POST", "/networks/prune", networks_prune, BODY_NONE, NULL, "net-prune",
		"removes those that nobody is in"},
	{"GET", "/networks/{}", networks_inspect, BODY_NONE, NULL, "net-inspect",
		"all that is known of one"},
	{"POST", "/networks/{}/connect", networks_connect, BODY_WHOLE, NULL, "net-connect",
		"a container joins it"},
	{"POST", "/networks/{}/disconnect", networks_disconnect, BODY_WHOLE, NULL, "net-disconnect",
		"a container leaves it"},
	{"DELETE", "/networks/{}", networks_remove, BODY_NONE, NULL, "net-rm", "removes it"},

	{"GET", "/volumes", volumes_all, BODY_NONE, NULL, "vol-ls", "all volumes"},
	{"POST", "/volumes/create", volumes_create, BODY_WHOLE, NULL, "vol-create", "a new one"},
	{"POST", "/volumes/prune", volumes_prune, BODY_NONE, NULL, "vol-prune",
		"removes those that no container has"},
	{"GET", "/volumes/{}", volumes_inspect, BODY_NONE, NULL, "vol-inspect",
		"all that is known of one"},
	{"DELETE", "/volumes/{}", volumes_rm, BODY_NONE, NULL, "vol-rm", "removes it"},

	{"POST", "/build", build, BODY_JOB, build_begin, "dfile-build",
		"an image, as a Dockerfile says"},
	{"POST", "/build/prune", system_prune_builds, BODY_NONE, NULL, "",
		"nothing: the images are the cache"},
	{"GET", "/plugins", system_plugins, BODY_NONE, NULL, "", "none"},
	{"GET", "/plugins/{*}/json", system_no_plugin, BODY_NONE, NULL, "", "404"},
	{"GET", "/distribution/{*}/json", distribution_inspect, BODY_NONE, NULL, "img-remote",
		"what a registry has under a name"},
	{"GET", "/images/search", images_look_for, BODY_NONE, NULL, "img-search",
		"those of a registry"},
	NO_SWARM("GET", "/swarm"),
	NO_SWARM("GET", "/nodes"),
	NO_SWARM("GET", "/services"),
	NO_SWARM("GET", "/tasks"),
	NO_SWARM("GET", "/secrets"),
	NO_SWARM("GET", "/configs"),
	NO_SWARM("GET", "/swarm/{*}"),
	NO_SWARM("GET", "/nodes/{*}"),
	NO_SWARM("GET", "/services/{*}"),
	NO_SWARM("GET", "/tasks/{*}"),
	NO_SWARM("GET", "/secrets/{*}"),
	NO_SWARM("GET", "/configs/{*}"),
	{"POST", "/swarm/{*}", system_never_swarm, BODY_NONE, NULL, "", "501"},
	NO_SWARM("POST", "/services/{*}"),
	NO_SWARM("POST", "/secrets/{*}"),
	NO_SWARM("POST", "/configs/{*}"),
};
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

/* How far the path fits a pattern without its beginning; {*} takes as much as lets the rest fit. */
static bool
fits(const char *pattern, const char *path, char **part)
{
	size_t same = strcspn(pattern, "{");
	if (strncmp(pattern, path, same) != 0)
		return false;
	pattern += same;
	path += same;
	if (!*pattern)
		return !*path;
	bool any = pattern[1] == '*';
	const char *rest = strchr(pattern, '}') + 1;
	size_t n = any ? strlen(path) : strcspn(path, "/");
	for (; n > 0; n--) {
		if (fits(rest, path + n, part + 1)) {
			*part = fmt_new("%.*s", (int)n, path);
			return true;
		}
		if (!any)
			return false;
	}
	return false;
}

void
route_find(struct request *r)
{
	for (size_t i = 0; i < N_ROUTES; i++)
		if (strcmp(routes[i].method, r->method) == 0 &&
			fits(routes[i].path, r->path, r->part)) {
			r->route = &routes[i];
			return;
		}
}

void
route_free(struct request *r)
{
	for (unsigned i = 0; i < PARTS_MAX; i++)
		free(r->part[i]);
}

bool
route_only_reads(const struct route *rt)
{
	/* Who is attached writes to its input, whichever method leads there. */
	return rt->handle != containers_attach_ws && strcmp(rt->method, "POST") != 0 &&
		strcmp(rt->method, "PUT") != 0 && strcmp(rt->method, "DELETE") != 0;
}

void
routes_list(struct buf *out)
{
	for (size_t i = 0; i < N_ROUTES; i++) {
		const struct route *rt = &routes[i];
		buf_addf(out, "%s\t%s\t%s\t%s\n", rt->method, rt->path, *rt->tool ? rt->tool : "-",
			rt->what);
	}
}
