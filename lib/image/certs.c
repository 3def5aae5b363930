/* SPDX-License-Identifier: MIT */
#include "image/certs.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX ((size_t)1 << 20)

/* Whether there is such a directory; its path then is in `path`. */
static bool
look_in(const char *dir, const char *sub, const char *host, struct buf *path)
{
	buf_reset(path);
	buf_addf(path, "%s%s/%s", dir, sub, host);
	return dir_exists(path->s);
}

static bool
find_dir(const char *host, struct buf *path)
{
	const char *given = getenv("TACKLEBOX_CERTS"), *config = getenv("XDG_CONFIG_HOME"),
		   *home = getenv("HOME");
	if (given)
		return look_in(given, "", host, path);
	if (config && *config
			? look_in(config, "/docker/certs.d", host, path)
			: home && *home && look_in(home, "/.config/docker/certs.d", host, path))
		return true;
	return look_in("/etc/docker", "/certs.d", host, path) ||
		look_in("/etc/containers", "/certs.d", host, path);
}

static bool
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);
	return n > m && strcmp(name + n - m, end) == 0;
}

static int
take_pair(const char *path, struct certs *c)
{
	auto_free char *key = fmt_new("%.*s.key", (int)(strlen(path) - strlen(".cert")), path);
	if (!file_exists(key))
		return err_set(
			ERR_NOT_FOUND, path, "%s has no key beside it: %s is missing", path, key);
	if (c->cert)
		return 0;
	c->cert = str_new(path);
	c->key = take_ptr(&key);
	return 0;
}

static int
take_file(const char *dir, const char *name, struct certs *c)
{
	auto_buf struct buf path = BUF_INIT;
	path_join(&path, dir, name);
	if (ends_in(name, ".cert"))
		return take_pair(path.s, c);
	if (!ends_in(name, ".crt"))
		return 0;
	if (file_read(path.s, PEM_MAX, &c->ca) < 0)
		return -1;
	buf_addc(&c->ca, '\n');
	return 0;
}

int
certs_of(const char *host, struct certs *c)
{
	auto_buf struct buf dir = BUF_INIT;
	struct dirent **entry;
	int r = 0;
	*c = (struct certs){0};
	/* Hosts come from references and URLs: their characters are few, and none is a slash. */
	if (strchr(host, '/') || host[0] == '.' || !find_dir(host, &dir))
		return 0;
	int n = scandir(dir.s, &entry, NULL, alphasort);
	if (n < 0)
		return err_sys("opendir", dir.s, "cannot read %s", dir.s);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = take_file(dir.s, entry[i]->d_name, c);
		free(entry[i]);
	}
	free(entry);
	if (r < 0)
		certs_free(c);
	return r;
}

void
certs_free(struct certs *c)
{
	buf_free(&c->ca);
	free(c->cert);
	free(c->key);
	*c = (struct certs){0};
}
