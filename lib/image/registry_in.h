/* SPDX-License-Identifier: MIT
 * What registry.c and registry_auth.c share.
 */
#ifndef TACKLE_REGISTRY_IN_H
#define TACKLE_REGISTRY_IN_H

#include "image/registry.h"

struct registry {
	const struct registry_options *o;
	struct fetch_options fetch_options;
	struct fetcher *fetcher; /* shared with the mirror's, if there is one */
	struct certs certs;
	char *origin_host; /* of a mirror: the registry that it mirrors */
	struct registry *origin;
	bool beside; /* the fetcher is another's */
	const char *scheme; /* the one to try, or that worked */
	bool settled; /* somebody answered in it, or it is the second that was tried */
	bool switched; /* the other one was tried before, and gave this: */
	struct err first;
	bool plain_allowed;
	char *host; /* where its API is, with the port */
	char *prefix; /* of a mirror's URL; "" */
	char *path; /* of the repository */
	char *name; /* the host as people know it, under which passwords are kept */
	struct creds found;
	bool looked; /* whether there are any */
	bool known; /* there are */
	char *token, *basic; /* what requests carry; NULL */
	unsigned auth_age; /* counts them: how old the one of a request is */
};

/* Gets what a refusal asks for (the value of WWW-Authenticate): g->token or g->basic. */
int registry_authorize(struct registry *g, const char *what, const char *header);
void registry_forget(struct registry *g);

/* A fetch_write_fn for a struct buf. */
int buf_take_bytes(void *self, const void *data, size_t len);

#endif
