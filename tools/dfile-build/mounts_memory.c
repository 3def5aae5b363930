/* SPDX-License-Identifier: MIT
 * RUN --mount=type=tmpfs, secret and ssh: what is never on a disk.
 */
#include "mounts.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/bulk.h"
#include "door/step.h"
#include "door/sys.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX ((size_t)500 << 10)

int
mount_tmpfs(struct task *p, struct making *k, struct asked_mount *m)
{
	int64_t size = 0;
	(void)p;
	if ((m->size && parse_size(m->size, &size) < 0) || tree_stub(k->t, m->target, true) < 0)
		return -1;
	strlist_add(&k->m->words, "--tmpfs");
	strlist_add(&k->m->words,
		m->size ? fmt_new("%s:mode=1777,size=%lld", m->target, (long long)size)
			: fmt_new("%s:mode=1777", m->target));
	return 0;
}

/* The part "src" of "id=x,src=/y"; new string, NULL. */
static char *
part_of(const char *text, const char *key)
{
	size_t len = strlen(key);
	while (*text) {
		size_t n = strcspn(text, ",");
		if (n > len && strncmp(text, key, len) == 0 && text[len] == '=')
			return fmt_new("%.*s", (int)(n - len - 1), text + len + 1);
		text += n + (text[n] == ',');
	}
	return NULL;
}

/* The secret of --secret. 1: read, 0: there is none, -1. */
static int
read_secret(const char *id, struct buf *out)
{
	for (size_t i = 0; i < asked.secrets.n; i++) {
		const char *s = asked.secrets.v[i];
		auto_free char *its = part_of(s, "id"), *src = part_of(s, "src"),
			       *env = part_of(s, "env");
		if (!src)
			src = part_of(s, "source");
		if (!its || strcmp(its, id) != 0)
			continue;
		if (!src) {
			const char *value = getenv(env ? env : id);
			if (!value)
				return err_set(ERR_NOT_FOUND, id,
					"secret %s: there is no file and no variable for it", id);
			buf_adds(out, value);
			return 1;
		}
		return file_read(src, SECRET_MAX, out) < 0 ? -1 : 1;
	}
	return 0;
}

/* It lies in memory only, and goes with the mount namespace. */
static int
make_memory(struct making *k, char dir[PATH_MAX])
{
	snprintf(dir, PATH_MAX, "%.*s/secrets", PATH_MAX - 16, k->t->dir);
	if (dir_exists(dir))
		return 0;
	if (sys_mkdir("secrets lie in memory only", dir, 0700) < 0 ||
		sys_mount("secrets lie in memory only", "tmpfs", dir, "tmpfs",
			MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return -1;
	strlist_add(&k->m->places, str_new(dir));
	return 0;
}

static int
write_secret(
	struct making *k, const struct asked_mount *m, const struct buf *text, char path[PATH_MAX])
{
	char dir[PATH_MAX];
	uint32_t uid, gid, mode;
	auto_fd int fd = -1;
	if (mounts_number(m->uid, 10, 0, &uid) < 0 || mounts_number(m->gid, 10, 0, &gid) < 0 ||
		mounts_number(m->mode, 8, 0400, &mode) < 0 || make_memory(k, dir) < 0)
		return -1;
	snprintf(path, PATH_MAX, "%.*s/%u", PATH_MAX - 16, dir, k->count++);
	if (sys_create("a secret", path, 0600, &fd) < 0)
		return -1;
	if (step_dry())
		return 0;
	struct bulk done = {0};
	if (bulk_write(&done, fd, buf_str(text), text->len, 0) < 0)
		return err_sys("pwrite", path, "cannot write a secret");
	return sys_chown("who may read it", path, uid, gid) < 0 ||
			sys_chmod("who may read it", path, mode & 0777) < 0
		? -1
		: 0;
}

int
mount_secret(struct task *p, struct making *k, struct asked_mount *m)
{
	char path[PATH_MAX];
	auto_buf struct buf text = BUF_INIT;
	const char *id = m->id		? m->id
		: m->source		? path_base(m->source)
		: m->env && m->env_only ? m->env
					: path_base(m->target);
	int there = read_secret(id, &text);
	(void)p;
	if (there < 0)
		return -1;
	if (!there)
		return m->required
			? err_set(ERR_NOT_FOUND, id,
				  "secret %s: not found: give --secret id=%s,src=FILE", id, id)
			: 0;
	if (write_secret(k, m, &text, path) < 0)
		return -1;
	if (m->env) {
		strlist_add(&k->m->words, "--env-from");
		strlist_add(&k->m->words, fmt_new("%s=%s", m->env, path));
	}
	if (m->env_only)
		return 0;
	if (tree_stub(k->t, m->target, false) < 0)
		return -1;
	mounts_add(k, path, m->target, "ro,rprivate");
	return 0;
}

int
mount_ssh(struct task *p, struct making *k, struct asked_mount *m)
{
	const char *id = m->id ? m->id : "default", *sock = NULL;
	char place[PATH_MAX];
	struct stat sb;
	(void)p;
	for (size_t i = 0; i < asked.ssh.n; i++) {
		size_t n = strcspn(asked.ssh.v[i], "=");
		if (strlen(id) == n && strncmp(asked.ssh.v[i], id, n) == 0)
			sock = asked.ssh.v[i][n] ? asked.ssh.v[i] + n + 1 : getenv("SSH_AUTH_SOCK");
	}
	if (!sock)
		return m->required
			? err_set(ERR_NOT_FOUND, id, "no agent for ssh %s: give --ssh %s", id, id)
			: 0;
	auto_fd int fd = open(sock, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb) < 0)
		return err_sys("open", sock, "cannot open %s", sock);
	if (!S_ISSOCK(sb.st_mode)) {
		err_set(ERR_UNSUPPORTED, sock, "--ssh %s: %s is not the socket of an agent", id,
			sock);
		return err_hint("ssh-add puts a key into an agent, whose socket can be given");
	}
	if (mounts_place(k, fd, sock, false, place) < 0 || tree_stub(k->t, m->target, false) < 0)
		return -1;
	mounts_add(k, place, m->target, "rprivate");
	strlist_add(&k->m->env, fmt_new("SSH_AUTH_SOCK=%s", m->target));
	return 0;
}
