/* SPDX-License-Identifier: MIT
 * What comes from elsewhere: files behind an URL, fetched by curl(1), and repositories, cloned by
 * git(1) (repository.c). Both are programs that many hosts have, and that a build without such
 * needs does not load; where they are missing, that is said.
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

char *
url_shown(const char *word)
{
	const char *host = is_http(word) ? strstr(word, "://") + 3 : word;
	const char *at = is_http(word) ? memrchr(host, '@', strcspn(host, "/?#")) : NULL;
	return fmt_new("%.*s%s", (int)(host - word), word, at ? at + 1 : host);
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
	auto_free char *shown = url_shown(url);
	return err_set(ERR_NOT_FOUND, shown, "cannot fetch %s", shown);
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
		.root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), .shown = url_shown(shown)};
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
	struct source *from = source_in(dir, word);
	from->fetched = true;
	g->from = from;
	/* Its name is no pattern. */
	auto_buf struct buf plain = BUF_INIT;
	for (const char *q = name; *q; q++)
		buf_addf(&plain, strchr("*?[\\", *q) ? "[%c]" : "%c", *q);
	return gather(g, plain.s);
}
