/* SPDX-License-Identifier: MIT
 * What comes from elsewhere: files behind an URL, fetched by curl(1), and repositories, cloned by
 * git(1). Both are programs that many hosts have, and that a build without such needs does not
 * load; where they are missing, that is said.
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
#include "image/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool
is_http(const char *s)
{
	return begins(s, "http://") || begins(s, "https://");
}

/* "https://host/x.git#ref:dir": as docker tells a repository from a file. */
bool
is_git(const char *s)
{
	size_t n = strcspn(s, "#");
	if (begins(s, "git://") || begins(s, "ssh://") || begins(s, "git@") ||
		begins(s, "github.com/"))
		return true;
	return is_http(s) && n > 4 && strncmp(s + n - 4, ".git", 4) == 0;
}

bool
is_remote(const char *s)
{
	return is_http(s) || is_git(s);
}

/* ---- files ---- */

/* No redirection to another protocol, and no larger than a context may be. */
int
remote_fetch(const char *url, const char *path)
{
	auto_free char *max = fmt_new("%lld", (long long)asked.max_context);
	if (run_tool("what is behind the URL",
		    (const char *[]){"curl", "--fail", "--silent", "--show-error", "--location",
			    "--max-redirs", "10", "--proto", "=http,https", "--proto-redir",
			    "=http,https", "--max-filesize", max, "--remote-time", "--globoff",
			    "--output", path, "--", url, NULL},
		    NULL) == 0)
		return 0;
	if (err.no == ENOENT)
		return err_hint("URLs are fetched by curl: install it");
	return err_set(ERR_NOT_FOUND, url, "cannot fetch %s", url);
}

/* ---- repositories ---- */

struct repository {
	char *url, *ref, *dir;
};

static int
split(const char *text, struct repository *r)
{
	const char *hash = strchr(text, '#'), *colon = hash ? strchr(hash, ':') : NULL;
	size_t n = hash ? (size_t)(hash - text) : strlen(text);
	r->url = fmt_new("%s%.*s", begins(text, "github.com/") ? "https://" : "", (int)n, text);
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

static int
git(const char *why, const char *dir, const char *const *words)
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
	int r = run_tool(why, l.v, NULL);
	free(l.v);
	return r;
}

static int
clone_it(const struct repository *r, const char *path)
{
	const char *ref = *r->ref ? r->ref : "HEAD";
	if (sys_mkdir("the repository", path, 0755) < 0)
		return -1;
	if (git("an empty one", path, (const char *[]){"init", "--quiet", NULL}) < 0)
		return err.no == ENOENT ? err_hint("repositories are fetched by git: install it")
					: -1;
	if (git("what is wanted of it", path,
		    (const char *[]){"fetch", "--quiet", "--depth", "1", "--no-tags", "--", r->url,
			    ref, NULL}) < 0)
		return err_set(ERR_NOT_FOUND, r->url, "cannot fetch %s of %s", ref, r->url);
	return git("its files", path,
		(const char *[]){"checkout", "--quiet", "--detach", "FETCH_HEAD", NULL});
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

/* ---- ADD ---- */

static int
check_sum(const char *path, const char *want)
{
	char digest[DIGEST_SIZE], piece[65536];
	ssize_t n;
	if (!want || !*want)
		return 0;
	if (digest_check("--checksum", want) < 0)
		return -1;
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys("open", path, "cannot open %s", path);
	struct sha256 *h = sha256_new();
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		sha256_add(h, piece, (size_t)n);
	sha256_take(h, digest);
	sha256_free(h);
	return strcmp(digest, want) == 0
		? 0
		: err_set(ERR_INVALID, path, "digest mismatch: wanted %s, got %s", want, digest);
}

/* The last part of its path. */
static char *
name_of(const char *url)
{
	const char *path = strstr(url, "://");
	path = path ? path + 3 : url;
	size_t n = strcspn(path, "?#"), k = n;
	while (k && path[k - 1] != '/')
		k--;
	bool host = memchr(path, '/', n) == NULL;
	char *name = fmt_new("%.*s", host ? 0 : (int)(n - k), path + k);
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		free(name);
		return NULL;
	}
	return name;
}

static struct source *
source_in(const char *dir, const char *shown)
{
	struct source *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	*s = (struct source){
		.root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), .shown = str_new(shown)};
	return s;
}

/* It lies in a directory of the build until that is over: so does what is opened here. */
int
remote_gather(struct task *p, const char *word, struct gather *g)
{
	auto_free char *dir = fmt_new("%s/fetched.%u.%u", p->b->dir, p->s->number, p->s->count++);
	const char *sum = dfile_flag(&p->x, "checksum");
	if (is_git(word)) {
		if (git_fetch(word, dir, dfile_flag_on(p->raw, "keep-git-dir")) < 0)
			return -1;
		g->from = source_in(dir, word);
		return gather(g, ".");
	}
	auto_free char *name = name_of(word);
	if (!name)
		return err_set(ERR_INVALID, word, "cannot tell a file name from %s", word);
	auto_free char *path = fmt_new("%s/%s", dir, name);
	if (sys_mkdir("what is behind an URL", dir, 0700) < 0 || remote_fetch(word, path) < 0 ||
		check_sum(path, sum) < 0 || sys_chmod("as docker has it", path, 0600) < 0)
		return -1;
	g->from = source_in(dir, word);
	/* Its name is no pattern. */
	auto_buf struct buf plain = BUF_INIT;
	for (const char *q = name; *q; q++)
		buf_addf(&plain, strchr("*?[\\", *q) ? "[%c]" : "%c", *q);
	return gather(g, plain.s);
}
