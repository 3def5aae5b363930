/* SPDX-License-Identifier: MIT
 * Networks of boxes, $TACKLEBOX_ROOT/nets/NAME.json: a document in the words of the Docker Engine
 * API (`GET /networks/NAME`). What it describes is a bridge (br-setup) called br-<12 digits of the
 * id>. Three are always there and have no file: bridge, host and none.
 */
#ifndef TACKLE_BOX_NETWORK_H
#define TACKLE_BOX_NETWORK_H

#include "base/json.h"
#include "base/opt.h"

#include <net/if.h>
#include <stdbool.h>

struct network {
	char name[256];
	char id[65];
	char bridge[IFNAMSIZ]; /* "" for host and none */
	bool own; /* made by net-create: it can be removed, and names are resolved in it */
	bool internal;
	json_t *doc; /* without Containers */
};

/* Keeps networks, and what is connected to them, as they are (shared), or everybody else from
 * looking at them (exclusive), as long as *fd is open. An ordinary user's tool goes to where his
 * networks are (rootless_net()). */
int network_lock(bool exclusive, int *fd);
/* The same for who only reads or writes what is in files, and stays where it is. */
int network_hold(bool exclusive, int *fd);
/* The network of that name or id, or the beginning of an id. The caller frees *n. -1 with `err`
 * set: not-found, or conflict when several ids begin so. */
int network_find(const char *text, struct network *n);
void network_free(struct network *n);
/* Calls each(n, arg) for the three, then for the others by name, until it returns non-zero, and
 * returns that. */
int network_each(int (*each)(const struct network *n, void *arg), void *arg);

/* What is asked for. */
struct network_wish {
	const char *name, *driver;
	const struct strlist *subnets; /* CIDR; none: one is chosen */
	const struct strlist *gateways;
	const json_t *labels, *options; /* may be NULL */
	bool internal, attachable;
};
/* Makes it, bridge and all. The lock is held exclusively. -1 with `err` set: conflict for a name or
 * a subnet that is taken, invalid. */
int network_make(const struct network_wish *w, struct network *n);
/* Makes its bridge, unless it is there: after a reboot it is not. */
int network_up(const struct network *n);
/* Removes it with its bridge. The lock is held exclusively. in-use while a box that runs is
 * connected, denied for one of the three. */
int network_remove(const struct network *n);

/* The ids of the boxes that are to be in it (running or not); with `running` only of those that are
 * connected now. A new list. */
json_t *network_boxes(const struct network *n, bool running);
/* The whole document, with Containers: those that run. New reference. */
json_t *network_show(const struct network *n);
/* Its first IPv4 gateway: where its names are resolved. "" when it has none. */
const char *network_gateway(const struct network *n);
/* Notes an event: "create", "destroy", "connect", "disconnect"; `box` NULL or the id of a box. */
void network_event(const struct network *n, const char *action, const char *box);

/* Options of Docker's bridge driver that are understood. */
#define NETWORK_NAME "com.docker.network.bridge.name"
#define NETWORK_ICC "com.docker.network.bridge.enable_icc"
#define NETWORK_MTU "com.docker.network.driver.mtu"
/* One of them, "" when it is not given: the names have dots, which box_text() takes for steps. */
const char *network_option(const json_t *options, const char *key);

/* The key of HostConfig.NetworkMode in EndpointsConfig: "bridge" for "default". NULL for a mode
 * that is no network: none, host, container:BOX. */
const char *network_of_mode(const char *mode);

#endif
