/* SPDX-License-Identifier: MIT
 * Repositories: a commit is fetched by git(1), and its files are what is wanted.
 *
 * What a Dockerfile or a command line calls an URL may be an option in disguise (CVE-2019-13139):
 * nothing that begins with "-" is handed on, "--" ends the options, and only known protocols are
 * spoken.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_cred.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct repository {
	char *url, *ref, *dir;
	char *shown; /* the URL without user and password: what the repository knows of it */
	char *login; /* a setting of git's that has them, NULL when there are none */
};

/* They are for the way there alone, and stand in no file: .git may become part of an image. So
 * git asks "https://user:password@host/" where it reads "https://host/" (git-config(1),
 * url.<base>.insteadOf), also for repositories within it. A "=" would end the setting's name. */
static char *
login_of(const char *url, const char *shown)
{
	auto_buf struct buf out = BUF_INIT;
	size_t n = strlen(url) - strlen(shown);
	if (!n)
		return NULL;
	size_t begin = (size_t)(strstr(url, "://") + 3 - url);
	size_t host = begin + strcspn(shown + begin, "/?");
	buf_addf(&out, "url.%.*s", (int)begin, url);
	for (size_t i = begin; i < begin + n; i++)
		buf_addf(&out, url[i] == '=' ? "%%3D" : "%c", url[i]);
	buf_addf(&out, "%.*s/.insteadOf=%.*s/", (int)(host - begin), shown + begin, (int)host,
		shown);
	return str_new(out.s);
}

static int
split(const char *text, struct repository *r)
{
	const char *hash = strchr(text, '#'), *colon = hash ? strchr(hash, ':') : NULL;
	size_t n = hash ? (size_t)(hash - text) : strlen(text);
	r->url = fmt_new(
		"%s%.*s", strncmp(text, "github.com/", 11) == 0 ? "https://" : "", (int)n, text);
	r->ref = fmt_new("%.*s", hash ? (int)strcspn(hash + 1, ":") : 0, hash ? hash + 1 : "");
	r->dir = path_clean(colon ? colon + 1 : "");
	r->shown = url_shown(r->url);
	r->login = login_of(r->url, r->shown);
	/* "git@-oProxyCommand=x:y" would be an option of ssh. */
	const char *at = strchr(r->url, '@'), *host = strstr(r->url, "://");
	if (*r->url == '-' || *r->ref == '-' || (at && at[1] == '-') || (host && host[3] == '-') ||
		strstr(r->url, "::") || strpbrk(r->url, " \t\r\n;\\\"'`$") ||
		strpbrk(r->ref, " \t\r\n;\\\"'`$~^:?*["))
		return err_set(ERR_INVALID, r->shown, "%s names no repository", r->shown);
	return 0;
}

/* Quietly: it may well fail, and then another way is tried. */
static int
git(const struct repository *r, const char *why, const char *dir, bool quietly,
	const char *const *words)
{
	struct strlist l = {0};
	for (const char **w = (const char *[]){"git", "-c", "protocol.allow=never", "-c",
		     "protocol.http.allow=always", "-c", "protocol.https.allow=always", "-c",
		     "protocol.git.allow=always", "-c", "protocol.ssh.allow=always", "-c",
		     "core.hooksPath=/dev/null", "-c", "core.symlinks=true", "-C", dir, NULL};
		*w; w++)
		strlist_add(&l, *w);
	if (r->login) {
		strlist_add(&l, "-c");
		strlist_add(&l, r->login);
	}
	for (; *words; words++)
		strlist_add(&l, *words);
	strlist_add(&l, NULL);
	const struct run how = {.argv = (char *const *)(uintptr_t)l.v,
		.fd = {-1, -1, -1},
		.status_fd = -1,
		.tied = true};
	pid_t pid = quietly ? run_start(why, &how) : 0;
	int ok = !quietly ? run_tool(why, l.v, NULL) : pid > 0 ? -(run_end(pid) != 0) : (int)pid;
	free(l.v);
	return ok;
}

/* One commit is enough, if the server gives it alone: one that serves files and no more (git's
 * "dumb" HTTP) does not, and others give branches and tags only. Then all of them are fetched. */
static int
fetch_ref(const struct repository *r, const char *path)
{
	const char *ref = *r->ref ? r->ref : "HEAD";
	if (git(r, "what is wanted of it", path, true,
		    (const char *[]){"fetch", "--quiet", "--depth", "1", "--no-tags", "--",
			    "origin", ref, NULL}) == 0)
		return git(r, "its files", path, false,
			(const char *[]){"checkout", "--quiet", "--detach", "FETCH_HEAD", NULL});
	if (git(r, "all of it, for that cannot be had alone", path, false,
		    (const char *[]){"fetch", "--quiet", "--update-head-ok", "--", "origin",
			    *r->ref ? "+refs/heads/*:refs/heads/*" : "HEAD",
			    *r->ref ? "+refs/tags/*:refs/tags/*" : NULL, NULL}) < 0)
		return -1;
	return git(r, "its files", path, false,
		(const char *[]){
			"checkout", "--quiet", "--detach", *r->ref ? ref : "FETCH_HEAD", NULL});
}

static int
clone_it(const struct repository *r, const char *path)
{
	auto_free char *modules = fmt_new("%s/.gitmodules", path);
	if (sys_mkdir("the repository", path, 0755) < 0 ||
		sys_setenv("nobody is here to be asked", "GIT_TERMINAL_PROMPT", "0") < 0)
		return -1;
	if (git(r, "an empty one", path, false, (const char *[]){"init", "--quiet", NULL}) < 0)
		return err.no == ENOENT ? err_hint("repositories are fetched by git: install it")
					: -1;
	if (git(r, "where it comes from", path, false,
		    (const char *[]){"remote", "add", "--", "origin", r->shown, NULL}) < 0)
		return -1;
	if (fetch_ref(r, path) < 0)
		return err_set(ERR_NOT_FOUND, r->shown, "cannot fetch %s of %s",
			*r->ref ? r->ref : "HEAD", r->shown);
	return !file_exists(modules) ? 0
				     : git(r, "repositories within it", path, false,
					       (const char *[]){"submodule", "--quiet", "update",
						       "--init", "--recursive", NULL});
}

static int
fetch_repository(const struct repository *r, const char *path, bool keep_git)
{
	auto_free char *inner = fmt_new("%s/.git", path);
	if (clone_it(r, path) < 0)
		return -1;
	return keep_git || !dir_exists(inner) ? 0
					      : sys_remove_tree("its history is not wanted", inner);
}

/* A directory in it takes the place of the whole. */
static int
only_dir(const struct repository *r, const char *path)
{
	char real[PATH_MAX];
	if (!*r->dir || step_dry())
		return 0;
	auto_free char *whole = fmt_new("%s.whole", path);
	if (sys_rename("only a directory of it is wanted", path, whole) < 0)
		return -1;
	auto_fd int fd = open(whole, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || real_path(fd, r->dir, O_PATH | O_DIRECTORY, NULL, real) < 0)
		return err_sys("openat2", r->dir, "cannot open %s of the repository", r->dir);
	auto_free char *from = fmt_new("%s/%s", whole, real);
	return sys_rename("only a directory of it is wanted", from, path);
}

int
git_fetch(const char *url, const char *path, bool keep_git)
{
	struct repository r = {0};
	int ok = split(url, &r);
	if (ok == 0)
		ok = fetch_repository(&r, path, keep_git && !*r.dir);
	if (ok == 0)
		ok = only_dir(&r, path);
	free(r.url);
	free(r.ref);
	free(r.dir);
	free(r.shown);
	free(r.login);
	return ok;
}
