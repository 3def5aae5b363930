/* SPDX-License-Identifier: MIT
 * What the files of apid share.
 */
#ifndef APID_H
#define APID_H

#include "base/opt.h"
#include "http.h"

#include <pthread.h>

/* What we say we speak, and take (docs.docker.com, "Docker Engine API version history"). */
#define API_VERSION "1.41"
#define API_VERSION_MIN "1.24"

struct settings {
	bool strict; /* unknown members of documents are refused */
	bool read_only; /* nothing is changed */
};
extern struct settings settings;

/* ---- routes (route.c) ---- */

/* Answers, and returns 0; or -1 with `err` set, and the caller answers. */
typedef int handler_fn(struct request *r);

enum body { BODY_NONE, BODY_WHOLE, BODY_JOB };

struct route {
	const char *method, *path; /* "/containers/{}/json"; {*} may hold slashes, too */
	handler_fn *handle;
	enum body body;
	handler_fn *begin; /* of BODY_JOB: leaves r->job */
	const char *tool; /* that it runs, or whose library function it calls; "" */
	const char *what;
};
/* Finds r's route and fills in route and part. */
void route_find(struct request *r);
/* Gives part back. */
void route_free(struct request *r);
/* Whether a request of this route may be served with --read-only. */
bool route_only_reads(const struct route *rt);
/* Appends one line a route: method, path, tool, what. */
void routes_list(struct buf *out);

handler_fn system_ping, system_version, system_info, system_df, system_events, system_auth,
	system_no_swarm, system_never_swarm, system_plugins, system_no_plugin, system_prune_builds;
handler_fn containers_list, containers_create, containers_inspect, containers_start,
	containers_stop, containers_restart, containers_kill, containers_pause, containers_unpause,
	containers_rename, containers_remove, containers_update, containers_resize, containers_wait,
	containers_top, containers_diff, containers_export, containers_commit, containers_stats,
	containers_logs, containers_attach, containers_attach_ws, containers_prune;
handler_fn exec_create, exec_start, exec_inspect, exec_resize;
handler_fn archive_stat, archive_get, archive_begin_put, archive_put, archive_copy;
handler_fn images_list_all, images_inspect, images_begin_create, images_create, images_push,
	images_tag, images_rm, images_history, images_save, images_save_one, images_begin_load,
	images_load, images_prune, images_look_for, distribution_inspect;
handler_fn build_begin, build;
handler_fn networks_all, networks_inspect, networks_create, networks_remove, networks_connect,
	networks_disconnect, networks_prune;
handler_fn volumes_all, volumes_inspect, volumes_create, volumes_rm, volumes_prune;

/* Notes an event of a container (watch.c). Takes the reference of `more`, which may be NULL. */
struct box;
void tell_event(const struct box *b, const char *action, json_t *more);

/* What clients look for when an image is not there: "No such image: NAME:TAG" (images.c). Other
 * errors stay as they are. Returns -1. */
int no_such_image(const char *name);

/* store_hold(), of which each try is a step of the door (images.c). */
struct store;
int hold(struct store *s);

/* ---- documents (body.c) ---- */

/* The body as a document, without what follows it, which need not be one for `optional` (NULL
 * without `err`). */
json_t *body_json(struct request *r, bool optional);
/* A member of an object, however its name is written (Go's decoder takes any case). Borrowed. */
json_t *body_member(const json_t *doc, const char *name);
const char *body_text(const json_t *doc, const char *name);
bool body_flag(const json_t *doc, const char *name);
/* The parameter "filters" as KEY=VALUE words, in either of its two forms. The strings are
 * allocated. -1 with `err` set. */
int body_filters(const struct request *r, struct strlist *l);

#endif
