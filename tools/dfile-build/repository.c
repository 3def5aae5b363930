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
};

static int
split(const char *text, struct repository *r)
{
	const char *hash = strchr(text, '#'), *colon = hash ? strchr(hash, ':') : NULL;
	size_t n = hash ? (size_t)(hash - text) : strlen(text);
	r->url = fmt_new(
		"%s%.*s", strncmp(text, "github.com/", 11) == 0 ? "https://" : "", (int)n, text);
	r->ref = fmt_new("%.*s", hash ? (int)strcspn(hash + 1, ":") : 0, hash ? hash + 1 : "");
	r->dir = clean_path(colon ? colon + 1 : "");
	/* "git@-oProxyCommand=x:y" would be an option of ssh. */
	const char *at = strchr(r->url, '@'), *host = strstr(r->url, "://");
	if (*r->url == '-' || *r->ref == '-' || (at && at[1] == '-') || (host && host[3] == '-') ||
		strstr(r->url, "::") || strpbrk(r->url, " \t\r\n;\\\"'`$") ||
		strpbrk(r->ref, " \t\r\n;\\\"'`$~^:?*["))
		return err_set(ERR_INVALID, text, "%s names no repository", text);
	return 0;
}

/* Quietly: it may well fail, and then another way is tried. */
static int
git(const char *why, const char *dir, bool quietly, const char *const *words)
{
	struct strlist l = {0};
	for (const char **w = (const char *[]){"git", "-c", "protocol.allow=never", "-c",
		     "protocol.http.allow=always", "-c", "protocol.https.allow=always", "-c",
		     "protocol.git.allow=always", "-c", "protocol.ssh.allow=always", "-c",
		     "core.hooksPath=/dev/null", "-c", "core.symlinks=true", "-C", dir, NULL};
		*w; w++)
		strlist_add(&l, *w);
	for (; *words; words++)
		strlist_add(&l, *words);
	strlist_add(&l, NULL);
	const struct run how = {.argv = (char *const *)(uintptr_t)l.v,
		.fd = {-1, -1, -1},
		.status_fd = -1,
		.tied = true};
	pid_t pid = quietly ? run_start(why, &how) : 0;
	int r = !quietly ? run_tool(why, l.v, NULL) : pid > 0 ? -(run_end(pid) != 0) : (int)pid;
	free(l.v);
	return r;
}

/* One commit is enough, if the server gives it alone: one that serves files and no more (git's
 * "dumb" HTTP) does not, and others give branches and tags only. Then all of them are fetched. */
static int
fetch_ref(const struct repository *r, const char *path)
{
	const char *ref = *r->ref ? r->ref : "HEAD";
	if (git("what is wanted of it", path, true,
		    (const char *[]){"fetch", "--quiet", "--depth", "1", "--no-tags", "--",
			    "origin", ref, NULL}) == 0)
		return git("its files", path, false,
			(const char *[]){"checkout", "--quiet", "--detach", "FETCH_HEAD", NULL});
	if (git("all of it, for that cannot be had alone", path, false,
		    (const char *[]){"fetch", "--quiet", "--update-head-ok", "--", "origin",
			    *r->ref ? "+refs/heads/*:refs/heads/*" : "HEAD",
			    *r->ref ? "+refs/tags/*:refs/tags/*" : NULL, NULL}) < 0)
		return -1;
	return git("its files", path, false,
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
	if (git("an empty one", path, false, (const char *[]){"init", "--quiet", NULL}) < 0)
		return err.no == ENOENT ? err_hint("repositories are fetched by git: install it")
					: -1;
	if (git("where it comes from", path, false,
		    (const char *[]){"remote", "add", "--", "origin", r->url, NULL}) < 0)
		return -1;
	if (fetch_ref(r, path) < 0)
		return err_set(ERR_NOT_FOUND, r->url, "cannot fetch %s of %s",
			*r->ref ? r->ref : "HEAD", r->url);
	return !file_exists(modules) ? 0
				     : git("repositories within it", path, false,
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
	return ok;
}
