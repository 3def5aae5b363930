/* SPDX-License-Identifier: MIT
 * From words such as SRC:DST:ro to the members of struct ct. Pure.
 */
#include "mech/ct.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	int flag;
} namespaces[CT_NS_COUNT] = {
	[CT_USER] = {"user", CLONE_NEWUSER},
	[CT_CGROUP] = {"cgroup", CLONE_NEWCGROUP},
	[CT_IPC] = {"ipc", CLONE_NEWIPC},
	[CT_UTS] = {"uts", CLONE_NEWUTS},
	[CT_NET] = {"net", CLONE_NEWNET},
	[CT_PID] = {"pid", CLONE_NEWPID},
	[CT_TIME] = {"time", CLONE_NEWTIME},
	[CT_MOUNT] = {"mnt", CLONE_NEWNS},
};

const char *
ct_ns_name(enum ct_ns ns)
{
	return namespaces[ns].name;
}

int
ct_ns_flag(enum ct_ns ns)
{
	return namespaces[ns].flag;
}

/* The options of mount(8) that are flags of mount(2). */
static const struct {
	const char *name;
	unsigned long set, clear, propagation;
} options[] = {
	{"ro", MS_RDONLY, 0, 0},
	{"rw", 0, MS_RDONLY, 0},
	{"nosuid", MS_NOSUID, 0, 0},
	{"suid", 0, MS_NOSUID, 0},
	{"nodev", MS_NODEV, 0, 0},
	{"dev", 0, MS_NODEV, 0},
	{"noexec", MS_NOEXEC, 0, 0},
	{"exec", 0, MS_NOEXEC, 0},
	{"noatime", MS_NOATIME, 0, 0},
	{"relatime", MS_RELATIME, 0, 0},
	{"strictatime", MS_STRICTATIME, 0, 0},
	{"atime", 0, MS_NOATIME, 0},
	{"norelatime", 0, MS_RELATIME, 0},
	{"nostrictatime", 0, MS_STRICTATIME, 0},
	{"nodiratime", MS_NODIRATIME, 0, 0},
	{"diratime", 0, MS_NODIRATIME, 0},
	{"sync", MS_SYNCHRONOUS, 0, 0},
	{"async", 0, MS_SYNCHRONOUS, 0},
	{"dirsync", MS_DIRSYNC, 0, 0},
	{"bind", MS_BIND, MS_REC, 0},
	{"rbind", MS_BIND | MS_REC, 0, 0},
	{"private", 0, 0, MS_PRIVATE},
	{"rprivate", 0, 0, MS_PRIVATE | MS_REC},
	{"slave", 0, 0, MS_SLAVE},
	{"rslave", 0, 0, MS_SLAVE | MS_REC},
	{"shared", 0, 0, MS_SHARED},
	{"rshared", 0, 0, MS_SHARED | MS_REC},
	{"defaults", 0, 0, 0},
};

static bool
apply_option(struct ct_mount *m, const char *word, size_t n)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strlen(options[i].name) != n || strncmp(options[i].name, word, n) != 0)
			continue;
		m->flags = (m->flags & ~options[i].clear) | options[i].set;
		if (options[i].propagation)
			m->propagation = options[i].propagation;
		return true;
	}
	return false;
}

/* What is no flag is the file system's own; a bind has no file system to ask. */
static int
apply_options(struct ct_mount *m, const char *text)
{
	auto_buf struct buf data = BUF_INIT;
	if (m->data)
		buf_adds(&data, m->data);
	while (*text) {
		size_t n = strcspn(text, ",");
		if (m->flags & MS_BIND && n == 5 && strncmp(text, "idmap", n) == 0) {
			m->idmap = true;
		} else if (n && !apply_option(m, text, n)) {
			if (m->flags & MS_BIND)
				return err_set(ERR_INVALID, text, "unknown mount option '%.*s'",
					(int)n, text);
			buf_addf(&data, "%s%.*s", data.len ? "," : "", (int)n, text);
		}
		text += n + (text[n] == ',');
	}
	m->data = buf_take(&data);
	return 0;
}

void
ct_add_mount(struct ct_mounts *m, struct ct_mount one)
{
	m->v = realloc(m->v, (m->n + 1) * sizeof(*m->v));
	if (!m->v)
		abort();
	m->v[m->n++] = one;
}

/* Cuts the part before the next colon off *rest; the last part takes all that is left. */
static char *
next_part(const char **rest)
{
	size_t n = strcspn(*rest, ":");
	char *part = fmt_new("%.*s", (int)n, *rest);
	*rest += n + ((*rest)[n] == ':');
	return part;
}

/* The rest of the text is DST[:OPTS]. */
static int
add_with_destination(struct ct_mounts *list, struct ct_mount m, const char *rest, const char *text)
{
	m.destination = next_part(&rest);
	if (m.destination[0] != '/')
		return err_set(ERR_INVALID, text, "'%s': the place inside must start with /", text);
	if (apply_options(&m, rest) < 0)
		return -1;
	ct_add_mount(list, m);
	return 0;
}

int
ct_opt_bind(void *to, const char *text)
{
	struct ct_mounts *list = to;
	const char *rest = text;
	struct ct_mount m = {.flags = MS_BIND | MS_REC, .source = next_part(&rest)};
	if (!m.source[0] || !*rest)
		return err_set(ERR_INVALID, text, "'%s' is not SRC:DST[:OPTS]", text);
	return add_with_destination(list, m, rest, text);
}

int
ct_opt_tmpfs(void *to, const char *text)
{
	struct ct_mounts *list = to;
	/* Docker's own defaults for --tmpfs. */
	struct ct_mount m = {
		.type = "tmpfs", .source = "tmpfs", .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC};
	return add_with_destination(list, m, text, text);
}

int
ct_opt_fs(void *to, const char *text)
{
	struct ct_mounts *list = to;
	const char *rest = text;
	struct ct_mount m = {.type = next_part(&rest)};
	m.source = next_part(&rest);
	/* What is written to these must reach the kernel, not a directory of the image's choice. */
	m.ordinary = strcmp(m.type, "proc") == 0 || strcmp(m.type, "sysfs") == 0;
	if (!m.type[0] || !*rest)
		return err_set(ERR_INVALID, text, "'%s' is not TYPE:SRC:DST[:OPTS]", text);
	return add_with_destination(list, m, rest, text);
}

int
ct_opt_map(void *to, const char *text)
{
	struct ct_id_maps *list = to;
	int64_t n[3];
	const char *rest = text;
	for (int i = 0; i < 3; i++) {
		char *part = next_part(&rest);
		struct err before = err;
		/* Ids are 32 bits, and (uint32_t)-1 means "leave it": user_namespaces(7). */
		int r = parse_int(part, i == 2, UINT32_MAX - 1, &n[i]);
		free(part);
		if (r == 0)
			continue;
		err = before;
		return err_set(ERR_INVALID, text, "'%s' is not INSIDE:OUTSIDE:COUNT", text);
	}
	if (*rest || n[0] + n[2] > UINT32_MAX || n[1] + n[2] > UINT32_MAX)
		return err_set(ERR_INVALID, text, "'%s' is not INSIDE:OUTSIDE:COUNT", text);
	list->v = realloc(list->v, (list->n + 1) * sizeof(*list->v));
	if (!list->v)
		abort();
	list->v[list->n++] = (struct ct_id_map){(uint32_t)n[0], (uint32_t)n[1], (uint32_t)n[2]};
	return 0;
}

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{"as", RLIMIT_AS},
	{"core", RLIMIT_CORE},
	{"cpu", RLIMIT_CPU},
	{"data", RLIMIT_DATA},
	{"fsize", RLIMIT_FSIZE},
	{"locks", RLIMIT_LOCKS},
	{"memlock", RLIMIT_MEMLOCK},
	{"msgqueue", RLIMIT_MSGQUEUE},
	{"nice", RLIMIT_NICE},
	{"nofile", RLIMIT_NOFILE},
	{"nproc", RLIMIT_NPROC},
	{"rss", RLIMIT_RSS},
	{"rtprio", RLIMIT_RTPRIO},
	{"rttime", RLIMIT_RTTIME},
	{"sigpending", RLIMIT_SIGPENDING},
	{"stack", RLIMIT_STACK},
};
#define N_LIMITS (sizeof(limits) / sizeof(limits[0]))

static int
parse_limit(const char *text, uint64_t *out)
{
	int64_t n;
	*out = RLIM_INFINITY;
	if (strcmp(text, "unlimited") == 0 || strcmp(text, "-1") == 0)
		return 0;
	if (parse_int(text, 0, INT64_MAX, &n) < 0)
		return -1;
	*out = (uint64_t)n;
	return 0;
}

/* A limit given twice: the later one counts. */
static struct ct_rlimit *
limit_slot(struct ct_process *p, int resource)
{
	for (size_t i = 0; i < p->n_rlimits; i++)
		if (p->rlimits[i].resource == resource)
			return &p->rlimits[i];
	return &p->rlimits[p->n_rlimits++];
}

int
ct_opt_rlimit(void *to, const char *text)
{
	struct ct_process *p = to;
	size_t n = strcspn(text, "="), i = 0;
	struct ct_rlimit l;
	while (i < N_LIMITS &&
		(strlen(limits[i].name) != n || strncmp(limits[i].name, text, n) != 0))
		i++;
	if (i == N_LIMITS || text[n] != '=')
		return err_set(ERR_INVALID, text,
			"'%s' is not NAME=SOFT[:HARD] with a name such as nofile", text);
	const char *rest = text + n + 1;
	char *soft = next_part(&rest);
	int r = parse_limit(soft, &l.soft);
	free(soft);
	l.hard = l.soft;
	if (r < 0 || (*rest && parse_limit(rest, &l.hard) < 0))
		return -1;
	if (l.soft > l.hard)
		return err_set(
			ERR_INVALID, text, "'%s': the soft limit is above the hard one", text);
	l.resource = limits[i].resource;
	l.name = limits[i].name;
	*limit_slot(p, l.resource) = l;
	return 0;
}

int
ct_opt_namespace(void *to, const char *value)
{
	*(struct ct_namespace *)to = (struct ct_namespace){.in = true, .path = value};
	return 0;
}

int
ct_opt_pair(void *to, const char *value)
{
	if (!strchr(value, '=') || *value == '=')
		return err_set(ERR_INVALID, value, "'%s' is not NAME=VALUE", value);
	strlist_add(to, value);
	return 0;
}

/* What a variable may hold: MAX_ARG_STRLEN of the kernel (execve(2)). */
#define VALUE_MAX ((size_t)128 << 10)

int
ct_opt_env_from(void *to, const char *value)
{
	auto_buf struct buf text = BUF_INIT;
	const char *file = strchr(value, '=');
	if (!file || file == value || !file[1])
		return err_set(ERR_INVALID, value, "'%s' is not NAME=FILE", value);
	file++;
	if (file_read(file, VALUE_MAX, &text) < 0)
		return -1;
	if (text.len && strlen(text.s) != text.len)
		return err_set(ERR_INVALID, file,
			"%s holds a NUL character: no variable can have that", file);
	strlist_add(to, fmt_new("%.*s=%s", (int)(file - 1 - value), value, buf_str(&text)));
	strlist_add(to, file);
	return 0;
}

int
ct_opt_oom(void *to, const char *value)
{
	int64_t n;
	/* proc(5) */
	if (parse_int(value, -1000, 1000, &n) < 0)
		return -1;
	*(const char **)to = value;
	return 0;
}

int
ct_opt_groups(void *to, const char *value)
{
	struct ct_groups *g = to;
	*g = (struct ct_groups){.given = true};
	while (*value) {
		size_t n = strcspn(value, ",");
		char *word = fmt_new("%.*s", (int)n, value);
		int64_t gid;
		int r = parse_int(word, 0, UINT32_MAX - 1, &gid);
		free(word);
		if (r < 0)
			return -1;
		if (g->n == sizeof(g->v) / sizeof(g->v[0]))
			return err_set(ERR_INVALID, value, "more than %zu groups", g->n);
		g->v[g->n++] = (gid_t)gid;
		value += n + (value[n] == ',');
	}
	return 0;
}

int
ct_opt_umask(void *to, const char *value)
{
	struct ct_process *p = to;
	size_t n = strspn(value, "01234567");
	if (n == 0 || n > 4 || value[n] || strtoul(value, NULL, 8) > 0777)
		return err_set(ERR_INVALID, value, "'%s' is not a mode such as 022", value);
	p->set_umask = true;
	p->umask = (mode_t)strtoul(value, NULL, 8);
	return 0;
}

int
ct_opt_fds(void *to, const char *value)
{
	int64_t n;
	if (parse_int(value, 0, 1 << 20, &n) < 0)
		return -1;
	*(unsigned *)to = (unsigned)n;
	return 0;
}
