/* SPDX-License-Identifier: MIT
 * Who we are to a registry: user name and password from where `docker login` puts them, or from a
 * descriptor. Secrets never stand in argv, in the environment, or in what -x tells.
 */
#ifndef TACKLE_CREDS_H
#define TACKLE_CREDS_H

#include "base/buf.h"
#include "base/json.h"

struct creds {
	char *user, *secret;
	char *identity; /* a token that gets tokens, instead of both (OAuth2 refresh token) */
	char *token; /* a registry's token, to be used as it is */
};

/* Frees a secret string after its bytes were overwritten (explicit_bzero(3)), and sets it to NULL.
 */
void secret_free(char **s);
/* Frees, and wipes. */
void creds_free(struct creds *c);

/* Reads them from a descriptor, to its end: "USER:PASSWORD" and perhaps a newline, or JSON with the
 * members username and password, identitytoken, or registrytoken, as in the API's X-Registry-Auth.
 * Closes it. Returns 0, or -1 with `err` set. */
int creds_read_fd(int fd, struct creds *c);

/* Who we are to several registries, read from a descriptor to its end, which is closed: an object
 * as "auths" in Docker's config.json, which is what the API has as X-Registry-Config. A new
 * reference; NULL with `err` set. */
json_t *creds_read_auths(int fd);
/* Of these the one for a host, appended as JSON that creds_read_fd() takes. Returns 1, 0 for none,
 * -1 with `err` set. */
int creds_of_auths(const json_t *auths, const char *host, struct buf *out);

/* Looks in config.json of $DOCKER_CONFIG (default ~/.docker) for a registry: credHelpers, then
 * credsStore, then auths. `host` is as in an image's full name, "docker.io" included. Helpers are
 * programs docker-credential-NAME, which get the host on standard input and print JSON.
 * Returns 1 when there are some, 0 for none, -1 with `err` set. */
int creds_find(const char *host, struct creds *c);

#endif
