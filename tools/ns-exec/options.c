/* SPDX-License-Identifier: MIT
 * The option table of ns-exec. oci-args writes the same options from a config.json.
 */
#include "options.h"

#include "base/err.h"
#include "base/parse.h"

#include <string.h>

struct settings settings = {.shm_size = 64 << 20};

static int
parse_namespace(void *to, const char *value)
{
	*(struct ct_namespace *)to = (struct ct_namespace){.in = true, .path = value};
	return 0;
}

static int
parse_map(void *to, const char *value)
{
	return ct_parse_map(to, value);
}

static int
parse_bind(void *to, const char *value)
{
	return ct_parse_bind(to, value);
}

static int
parse_tmpfs(void *to, const char *value)
{
	return ct_parse_tmpfs(to, value);
}

static int
parse_fs(void *to, const char *value)
{
	return ct_parse_fs(to, value);
}

static int
parse_rlimit(void *to, const char *value)
{
	return ct_parse_rlimit(to, value);
}

/* --cap-add and --cap-drop: names separated by commas. */
static int
parse_caps(void *to, const char *value)
{
	char word[32];
	settings.cap_asked = true;
	while (*value) {
		size_t n = strcspn(value, ",");
		if (n >= sizeof(word))
			return err_set(ERR_INVALID, value, "unknown capability '%s'", value);
		memcpy(word, value, n);
		word[n] = '\0';
		uint64_t bits;
		if (ct_caps_parse(word, &bits) < 0)
			return -1;
		*(uint64_t *)to |= bits;
		value += n + (value[n] == ',');
	}
	return 0;
}

static int
parse_pair(void *to, const char *value)
{
	if (!strchr(value, '=') || *value == '=')
		return err_set(ERR_INVALID, value, "'%s' is not NAME=VALUE", value);
	strlist_add(to, value);
	return 0;
}

/* proc(5): -1000 to 1000. */
static int
parse_oom(void *to, const char *value)
{
	int64_t n;
	if (parse_int(value, -1000, 1000, &n) < 0)
		return -1;
	*(const char **)to = value;
	return 0;
}

static int
parse_fds(void *to, const char *value)
{
	int64_t n;
	if (parse_int(value, 0, 1 << 20, &n) < 0)
		return -1;
	*(unsigned *)to = (unsigned)n;
	return 0;
}

#define NS(kind) &settings.ct.ns[kind]
#define PROCESS settings.ct.process
#define ROOT settings.ct.root

const struct opt ns_exec_options[] = {
	{0, "pid", "FILE", parse_namespace, NS(CT_PID), "own process ids: the program is process 1",
		true},
	{0, "net", "FILE", parse_namespace, NS(CT_NET), "own network: interfaces, routes, ports",
		true},
	{0, "mount", "FILE", parse_namespace, NS(CT_MOUNT), "own mounts, private", true},
	{0, "uts", "FILE", parse_namespace, NS(CT_UTS), "own host name", true},
	{0, "ipc", "FILE", parse_namespace, NS(CT_IPC), "own System V IPC and message queues",
		true},
	{0, "user", "FILE", parse_namespace, NS(CT_USER),
		"own user ids: root inside is nobody outside", true},
	{0, "cgroup", "FILE", parse_namespace, NS(CT_CGROUP), "own view of the cgroups", true},
	{0, "time", "FILE", parse_namespace, NS(CT_TIME), "own monotonic and boot time", true},
	{'a', "all", NULL, opt_flag, &settings.all,
		"--pid --net --mount --uts --ipc --cgroup (and --user for others than root)",
		false},
	{0, "uid-map", "IN:OUT:COUNT", parse_map, &settings.ct.uid_map,
		"user ids inside and what they are outside (repeatable)", false},
	{0, "gid-map", "IN:OUT:COUNT", parse_map, &settings.ct.gid_map, "the same for groups",
		false},
	{0, "map-auto", NULL, opt_flag, &settings.ct.map_auto,
		"map all ids that /etc/subuid and /etc/subgid give you", false},
	{'r', "root", "DIR", opt_str, &ROOT.path,
		"pivot_root into DIR, in a private mount tree with /proc, /dev, /sys", false},
	{0, "read-only", NULL, opt_flag, &ROOT.readonly, "the root itself is read-only", false},
	{0, "chroot", "DIR", opt_str, &settings.chroot,
		"only chroot into DIR: root inside walks out again, see ns-exec(1)", false},
	{'b', "bind", "SRC:DST[:OPTS]", parse_bind, &settings.ct.mounts,
		"show SRC of the host at DST (ro, nosuid, nodev, noexec, rslave …)", false},
	{0, "tmpfs", "DST[:OPTS]", parse_tmpfs, &settings.ct.mounts,
		"an empty directory in memory at DST (size=64m, mode=1777 …)", false},
	{0, "fs", "TYPE:SRC:DST[:OPTS]", parse_fs, &settings.ct.mounts, "any other file system",
		false},
	{0, "mask", "PATH", opt_list, &ROOT.masked, "PATH reads as empty (repeatable)", false},
	{0, "ro-path", "PATH", opt_list, &ROOT.readonly_paths, "PATH is read-only (repeatable)",
		false},
	{0, "no-proc", NULL, opt_flag, &settings.no_proc, "no /proc", false},
	{0, "no-dev", NULL, opt_flag, &settings.no_dev, "no /dev", false},
	{0, "no-sys", NULL, opt_flag, &settings.no_sys, "no /sys", false},
	{0, "no-masks", NULL, opt_flag, &settings.no_masks,
		"without Docker's masked and read-only paths (--mask and --ro-path stay)", false},
	{0, "device", "HOSTPATH[:DST]", opt_list, &ROOT.devices,
		"one more device of the host (repeatable)", false},
	{0, "shm-size", "SIZE", opt_size, &settings.shm_size, "size of /dev/shm (default 64m)",
		false},
	{0, "hostname", "NAME", opt_str, &settings.ct.hostname, "set the host name (with --uts)",
		false},
	{0, "domainname", "NAME", opt_str, &settings.ct.domainname,
		"set the NIS domain name (with --uts)", false},
	{'e', "env", "NAME=VALUE", parse_pair, &PROCESS.env, "set a variable (repeatable)", false},
	{0, "clear-env", NULL, opt_flag, &PROCESS.clear_env, "start from an empty environment",
		false},
	{'w', "cwd", "DIR", opt_str, &PROCESS.cwd, "working directory, inside", false},
	{'u', "as", "USER[:GROUP]", opt_str, &PROCESS.user,
		"become this user: a name of the root's /etc/passwd, or a number", false},
	{0, "rlimit", "NAME=SOFT[:HARD]", parse_rlimit, &PROCESS,
		"resource limit (nofile, nproc, core …; repeatable)", false},
	{0, "sysctl", "NAME=VALUE", parse_pair, &settings.ct.sysctl,
		"kernel setting of the new namespaces (repeatable)", false},
	{0, "oom-score-adj", "N", parse_oom, &PROCESS.oom_score_adj,
		"how willingly the kernel kills it when memory is out", false},
	{0, "init", NULL, opt_flag, &PROCESS.init,
		"a small init as process 1: reaps orphans, hands on signals", false},
	{'t', "tty", NULL, opt_flag, &PROCESS.terminal, "a terminal of its own", false},
	{0, "pidfile", "FILE", opt_str, &settings.ct.pidfile,
		"write its process id, as seen from here", false},
	{0, "cap-add", "CAP[,CAP]", parse_caps, &settings.cap_add,
		"keep a capability (ALL for all)", false},
	{0, "cap-drop", "CAP[,CAP]", parse_caps, &settings.cap_drop,
		"drop a capability (ALL for all)", false},
	{0, "seccomp", "default|none|FILE", opt_str, &settings.seccomp,
		"filter of system calls: Docker's, none, or a profile in JSON", false},
	{0, "no-new-privs", NULL, opt_flag, &PROCESS.no_new_privs,
		"set-user-ID programs give no rights", false},
	{0, "privileged", NULL, opt_flag, &settings.privileged,
		"all capabilities, no seccomp filter, nothing masked", false},
	{0, "preserve-fds", "N", parse_fds, &PROCESS.preserve_fds,
		"keep N descriptors beyond the first three open", false},
	{0, "join-cgroup", "NAME", opt_str, &settings.ct.cgroup, "start it in this cgroup", false},
	{0, "bundle", "DIR", opt_str, &settings.bundle,
		"take all of this from DIR/config.json, an OCI bundle", false},
	OPT_END,
};
