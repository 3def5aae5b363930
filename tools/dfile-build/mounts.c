/* SPDX-License-Identifier: MIT
 * RUN --mount: what a program sees beside its image, and what is in no layer.
 *
 * Sources are opened below the root of the stage, image, context or cache that they lie in, and
 * bound by their descriptors to places of the build's own; a symlink in them leads nowhere else,
 * however it is changed meanwhile.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/bulk.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include "image/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX ((size_t)500 << 10)

struct asked_mount {
	char *type, *target, *source, *from, *id, *sharing, *env, *size, *mode, *uid, *gid;
	bool ro, rw, required;
};

/* ---- what stands in the flag ---- */

static char **
place_of(struct asked_mount *m, const char *key, size_t n)
{
	const struct {
		const char *name;
		char **place;
	} all[] = {{"type", &m->type}, {"target", &m->target}, {"dst", &m->target},
		{"destination", &m->target}, {"source", &m->source}, {"src", &m->source},
		{"from", &m->from}, {"id", &m->id}, {"sharing", &m->sharing}, {"env", &m->env},
		{"size", &m->size}, {"mode", &m->mode}, {"uid", &m->uid}, {"gid", &m->gid}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strlen(all[i].name) == n && strncmp(all[i].name, key, n) == 0)
			return all[i].place;
	return NULL;
}

static bool
is_true(const char *value)
{
	return !*value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

static int
set_key(struct asked_mount *m, const char *part)
{
	size_t n = strcspn(part, "=");
	const char *value = part[n] ? part + n + 1 : "";
	char **place = place_of(m, part, n);
	if (place) {
		free(*place);
		*place = str_new(value);
		return 0;
	}
	if ((n == 8 && strncmp(part, "readonly", n) == 0) || (n == 2 && strncmp(part, "ro", n) == 0))
		m->ro = is_true(value);
	else if ((n == 9 && strncmp(part, "readwrite", n) == 0) ||
		(n == 2 && strncmp(part, "rw", n) == 0))
		m->rw = is_true(value);
	else if (n == 8 && strncmp(part, "required", n) == 0)
		m->required = is_true(value);
	else
		return err_set(ERR_INVALID, part, "--mount: unexpected key '%.*s'", (int)n, part);
	return 0;
}

static void
free_mount(struct asked_mount *m)
{
	char **all[] = {&m->type, &m->target, &m->source, &m->from, &m->id, &m->sharing, &m->env,
		&m->size, &m->mode, &m->uid, &m->gid};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(*all[i]);
	*m = (struct asked_mount){0};
}

/* A line of CSV: a part in double quotes may hold commas. */
static int
parse(const char *text, struct asked_mount *m)
{
	*m = (struct asked_mount){0};
	while (*text) {
		auto_buf struct buf part = BUF_INIT;
		bool quoted = *text == '"';
		text += quoted;
		for (; *text && (quoted || *text != ','); text++) {
			if (quoted && *text == '"') {
				if (text[1] != '"') {
					text++;
					break;
				}
				text++;
			}
			buf_addc(&part, *text);
		}
		text += *text == ',';
		if (part.len && set_key(m, part.s) < 0)
			return -1;
	}
	return 0;
}

static int
check(const struct task *p, struct asked_mount *m)
{
	static const char *const types[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
	size_t i = 0;
	if (!m->type)
		m->type = str_new("bind");
	while (i < 5 && strcmp(m->type, types[i]) != 0)
		i++;
	if (i == 5)
		return err_set(ERR_INVALID, m->type, "--mount: unsupported mount type '%s'", m->type);
	if (m->env) {
		err_set(ERR_UNSUPPORTED, m->env,
			"--mount=type=secret: env=%s would show the secret to all who list processes",
			m->env);
		return err_hint("mount it as a file, and read that in the RUN");
	}
	if (!m->target && i == 3)
		m->target = fmt_new("/run/secrets/%s",
			m->id		? m->id
				: m->source ? path_base(m->source)
					    : "secret");
	if (!m->target && i == 4)
		m->target = str_new("/run/buildkit/ssh_agent.0");
	if (!m->target)
		return err_set(ERR_INVALID, m->type, "--mount: type %s needs a target", m->type);
	char *whole = absolute_path(&p->s->st, m->target);
	free(m->target);
	m->target = whole;
	if (strcmp(whole, "/") == 0)
		return err_set(ERR_INVALID, m->target, "--mount: invalid mount target \"/\"");
	if (strchr(whole, ':'))
		return err_set(ERR_INVALID, whole,
			"--mount: a target with a colon cannot be mounted: %s", whole);
	if (m->sharing && strcmp(m->sharing, "shared") != 0 && strcmp(m->sharing, "private") != 0 &&
		strcmp(m->sharing, "locked") != 0)
		return err_set(ERR_INVALID, m->sharing, "--mount: unsupported sharing mode '%s'",
			m->sharing);
	return 0;
}

static int
each_mount(struct task *p, int (*one)(struct task *p, struct asked_mount *m, void *arg), void *arg)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < p->x.n_flags; i++) {
		struct asked_mount m;
		if (strcmp(p->x.flags[i].name, "mount") != 0)
			continue;
		const char *text = p->x.flags[i].value;
		r = parse(text ? text : "", &m);
		if (r == 0)
			r = check(p, &m);
		if (r == 0)
			r = one(p, &m, arg);
		free_mount(&m);
	}
	return r;
}

/* ---- what the record depends on ---- */

/* Of a directory of the context, its files; of a stage or image, its layers. What a cache holds,
 * and what a secret is, does not count. */
static int
key_of(struct task *p, struct asked_mount *m, void *arg)
{
	struct buf *key = arg;
	buf_addf(key, "mount %s %s %s %s %s %d\n", m->type, m->target,
		m->source ? m->source : "", m->from ? m->from : "", m->id ? m->id : "", m->rw);
	if (m->from && *m->from) {
		struct state st = {0};
		if (state_of(p->b, m->from, &st) < 0)
			return -1;
		buf_addf(key, "%s\n", st.n ? st.layers[st.n - 1].chain : "nothing");
		state_free(&st);
		return 0;
	}
	if (strcmp(m->type, "bind") != 0 || step_dry())
		return 0;
	struct items list = {0};
	const struct source from = {
		.root = p->b->ctx.fd, .shown = "the context", .ignore = p->b->ctx.ignore};
	struct gather g = {.from = &from, .out = &list};
	auto_free char *path = clean_path(m->source ? m->source : "");
	if (from.root < 0)
		return err_set(ERR_NOT_FOUND, path, "there is no context to mount");
	int r = gather(&g, path);
	if (r == 0)
		r = items_sum(&list, key);
	items_free(&list);
	return r;
}

int
mounts_key(struct task *p, struct buf *key)
{
	return each_mount(p, key_of, key);
}

/* ---- the places ---- */

struct making {
	struct tree *t;
	struct run_mounts *m;
	unsigned count;
};

static void
add_bind(struct making *k, const char *from, const char *target, const char *options)
{
	strlist_add(&k->m->words, "--bind");
	strlist_add(&k->m->words, fmt_new("%s:%s:%s", from, target, options));
}

/* What the descriptor holds gets a path of ours. */
static int
bind_here(struct making *k, int fd, const char *shown, bool directory, char place[PATH_MAX])
{
	snprintf(place, PATH_MAX, "%.*s/mount.%u", PATH_MAX - 32, k->t->dir, k->count++);
	if (directory ? sys_mkdir("where a mount of RUN comes from", place, 0700) < 0
		      : sys_write_new("where a mount of RUN comes from", place, "", 0, 0600) < 0)
		return -1;
	if (step_dry())
		return 0;
	auto_fd int to = open(place, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (to < 0)
		return err_sys("open", place, "cannot open %s", place);
	const struct sys_bind how = {.source_fd = fd,
		.target_fd = to,
		.source = shown,
		.target = place,
		.propagation = MS_PRIVATE};
	if (sys_bind_at("what a RUN is to see", &how) < 0)
		return -1;
	strlist_add(&k->m->places, str_new(place));
	return 0;
}

static struct tree *
new_tree(struct run_mounts *m)
{
	m->trees = realloc(m->trees, (m->n_trees + 1) * sizeof(*m->trees));
	if (!m->trees)
		abort();
	m->trees[m->n_trees] = (struct tree){.fd = -1};
	return &m->trees[m->n_trees++];
}

/* The root that a source lies in: of a stage or image, or the context. *fd is not the caller's. */
static int
open_from(struct task *p, struct making *k, const struct asked_mount *m, int *fd)
{
	if (!m->from || !*m->from) {
		*fd = p->b->ctx.fd;
		return *fd < 0 && !step_dry()
			? err_set(ERR_NOT_FOUND, m->target, "there is no context to mount")
			: 0;
	}
	struct state st = {0};
	if (state_of(p->b, m->from, &st) < 0)
		return -1;
	struct tree *t = new_tree(k->m);
	int r = tree_open(p->b, p->s, &st, true, t);
	*fd = t->fd;
	state_free(&st);
	return r;
}

/* Writes are allowed, and thrown away: they go into a layer of their own. */
static int
make_writable(struct making *k, const char *place, char merged[PATH_MAX])
{
	char upper[PATH_MAX], work[PATH_MAX];
	snprintf(upper, sizeof(upper), "%.*s/writes.%u", PATH_MAX - 32, k->t->dir, k->count);
	snprintf(work, sizeof(work), "%.*s/work.%u", PATH_MAX - 32, k->t->dir, k->count);
	snprintf(merged, PATH_MAX, "%.*s/merged.%u", PATH_MAX - 32, k->t->dir, k->count++);
	for (const char **w = (const char *[]){upper, work, merged, NULL}; *w; w++)
		if (sys_mkdir("what a RUN writes to a mount is not kept", *w, 0755) < 0)
			return -1;
	const struct sys_overlay o = {.target = merged,
		.lower = (const char *[]){place},
		.n_lower = 1,
		.upper = upper,
		.work = work,
		.options = "index=off,xino=off"};
	if (sys_overlay_fsopen("writes go into a layer that is thrown away", &o) < 0)
		return -1;
	strlist_add(&k->m->places, str_new(merged));
	return 0;
}

static int
make_bind(struct task *p, struct making *k, struct asked_mount *m)
{
	char place[PATH_MAX], merged[PATH_MAX];
	struct stat sb = {.st_mode = S_IFDIR};
	auto_free char *path = clean_path(m->source ? m->source : "");
	int root;
	if (open_from(p, k, m, &root) < 0)
		return -1;
	auto_fd int fd = step_dry() ? -1 : open_in_root(root, *path ? path : "/", O_PATH, 0);
	if (!step_dry() && (fd < 0 || fstat(fd, &sb) < 0))
		return err_sys("openat2", path, "cannot mount %s: it cannot be opened", path);
	bool directory = S_ISDIR(sb.st_mode);
	if (tree_stub(k->t, m->target, directory) < 0 ||
		bind_here(k, fd, path, directory, place) < 0)
		return -1;
	if (m->rw && directory && make_writable(k, place, merged) < 0)
		return -1;
	add_bind(k, m->rw && directory ? merged : place, m->target,
		m->rw && directory ? "rprivate" : "ro,rprivate");
	return 0;
}

/* ---- caches ---- */

static int
number(const char *text, int base, uint32_t otherwise, uint32_t *out)
{
	char *end;
	*out = otherwise;
	if (!text)
		return 0;
	unsigned long n = strtoul(text, &end, base);
	if (!*text || *end || n > UINT32_MAX - 1)
		return err_set(ERR_INVALID, text, "--mount: '%s' is not a number", text);
	*out = (uint32_t)n;
	return 0;
}

/* The directory of an id: its hash is its name, so that no id leads anywhere else. A private one
 * that is in use has brothers. */
static int
cache_dir(struct making *k, const struct asked_mount *m, char dir[PATH_MAX])
{
	char place[PATH_MAX], lock[PATH_MAX], digest[DIGEST_SIZE];
	bool alone = m->sharing && strcmp(m->sharing, "shared") != 0;
	bool private = alone && strcmp(m->sharing, "private") == 0;
	if (build_place("mounts", place) < 0)
		return -1;
	for (unsigned i = 0;; i++) {
		auto_free char *id = fmt_new("%s%c%u", m->id ? m->id : m->target, i ? '\n' : 0, i);
		sha256_of(id, i ? strlen(id) : strlen(m->id ? m->id : m->target), digest);
		snprintf(dir, PATH_MAX, "%.*s/%.32s", PATH_MAX - 64, place, digest_hex(digest));
		snprintf(lock, sizeof(lock), "%.*s.lock", PATH_MAX - 8, dir);
		if (step_dry())
			return 0;
		if (!file_exists(lock) &&
			sys_write_new("who has it alone locks this", lock, "", 0, 0600) < 0)
			return -1;
		int fd = open(lock, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys("open", lock, "cannot open %s", lock);
		k->m->locks = realloc(k->m->locks, (k->m->n_locks + 1) * sizeof(int));
		if (!k->m->locks)
			abort();
		int how = alone ? LOCK_EX : LOCK_SH;
		if (flock(fd, private ? how | LOCK_NB : how) == 0) {
			k->m->locks[k->m->n_locks++] = fd;
			return 0;
		}
		close(fd);
		if (!private || errno != EWOULDBLOCK)
			return err_sys("flock", lock, "cannot lock %s", lock);
	}
}

/* A new one begins as what from= and source= say, or empty. */
static int
fill_cache(struct making *k, const struct asked_mount *m, const char *dir)
{
	uint32_t uid, gid, mode;
	if (number(m->uid, 10, 0, &uid) < 0 || number(m->gid, 10, 0, &gid) < 0 ||
		number(m->mode, 8, 0755, &mode) < 0)
		return -1;
	(void)k;
	if (dir_exists(dir))
		return 0;
	if (sys_keep_dir("what a cache mount keeps", dir, 0755) < 0)
		return -1;
	if (step_dry())
		return 0;
	return sys_chown("as the mount asks for", dir, uid, gid) < 0 ||
			sys_chmod("as the mount asks for", dir, mode & 07777) < 0
		? -1
		: 0;
}

static int
make_cache(struct task *p, struct making *k, struct asked_mount *m)
{
	char dir[PATH_MAX], place[PATH_MAX];
	(void)p;
	if (m->from && *m->from)
		return err_set(ERR_UNSUPPORTED, m->from,
			"--mount=type=cache: from= is not supported: copy into it in the RUN");
	if (cache_dir(k, m, dir) < 0 || fill_cache(k, m, dir) < 0)
		return -1;
	auto_free char *sub = clean_path(m->source ? m->source : "");
	auto_fd int top = step_dry() ? -1 : open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd int fd =
		top < 0 ? -1 : open_in_root(top, *sub ? sub : "/", O_PATH | O_DIRECTORY, 0);
	if (fd < 0 && !step_dry())
		return err_sys("openat2", sub, "cannot open %s in the cache", *sub ? sub : "/");
	if (tree_stub(k->t, m->target, true) < 0 || bind_here(k, fd, dir, true, place) < 0)
		return -1;
	add_bind(k, place, m->target, m->ro ? "ro,rprivate" : "rprivate");
	return 0;
}

/* ---- memory, secrets, an agent ---- */

static int
make_tmpfs(struct task *p, struct making *k, struct asked_mount *m)
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
write_secret(struct making *k, const struct asked_mount *m, const struct buf *text,
	char path[PATH_MAX])
{
	char dir[PATH_MAX];
	uint32_t uid, gid, mode;
	auto_fd int fd = -1;
	if (number(m->uid, 10, 0, &uid) < 0 || number(m->gid, 10, 0, &gid) < 0 ||
		number(m->mode, 8, 0400, &mode) < 0 || make_memory(k, dir) < 0)
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

static int
make_secret(struct task *p, struct making *k, struct asked_mount *m)
{
	char path[PATH_MAX];
	auto_buf struct buf text = BUF_INIT;
	const char *id = m->id ? m->id : m->source ? path_base(m->source) : path_base(m->target);
	int there = read_secret(id, &text);
	(void)p;
	if (there < 0)
		return -1;
	if (!there)
		return m->required
			? err_set(ERR_NOT_FOUND, id, "secret %s: not found: give --secret id=%s,src=FILE",
				  id, id)
			: 0;
	if (write_secret(k, m, &text, path) < 0 || tree_stub(k->t, m->target, false) < 0)
		return -1;
	add_bind(k, path, m->target, "ro,rprivate");
	return 0;
}

static int
make_ssh(struct task *p, struct making *k, struct asked_mount *m)
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
		err_set(ERR_UNSUPPORTED, sock, "--ssh %s: %s is not the socket of an agent", id, sock);
		return err_hint("ssh-add puts a key into an agent, whose socket can be given");
	}
	if (bind_here(k, fd, sock, false, place) < 0 || tree_stub(k->t, m->target, false) < 0)
		return -1;
	add_bind(k, place, m->target, "rprivate");
	strlist_add(&k->m->env, fmt_new("SSH_AUTH_SOCK=%s", m->target));
	return 0;
}

static int
make_one(struct task *p, struct asked_mount *m, void *arg)
{
	static const struct {
		const char *type;
		int (*make)(struct task *p, struct making *k, struct asked_mount *m);
	} all[] = {{"bind", make_bind}, {"cache", make_cache}, {"tmpfs", make_tmpfs},
		{"secret", make_secret}, {"ssh", make_ssh}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].type, m->type) == 0)
			return all[i].make(p, arg, m);
	return 0;
}

int
mounts_make(struct task *p, struct tree *t, struct run_mounts *m)
{
	struct making k = {.t = t, .m = m};
	return each_mount(p, make_one, &k);
}

void
mounts_end(struct run_mounts *m)
{
	for (size_t i = m->places.n; i-- > 0;)
		if (sys_umount("the RUN is over", m->places.v[i], MNT_DETACH) < 0)
			err_clear();
	for (size_t i = 0; i < m->n_trees; i++)
		tree_close(&m->trees[i]);
	for (size_t i = 0; i < m->n_locks; i++)
		close(m->locks[i]);
	free(m->trees);
	free(m->locks);
	free(m->words.v);
	free(m->env.v);
}
