/* SPDX-License-Identifier: MIT
 * Starting a process in namespaces of its own: a plain struct in the vocabulary of the OCI runtime
 * specification (config.md, config-linux.md), and the calls that carry it out. No argv, no JSON:
 * ns-exec fills it from options, `ns-exec --bundle` from a config.json, others from what they have.
 */
#ifndef TACKLE_CT_H
#define TACKLE_CT_H

#include "base/opt.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sock_filter;

/* The eight namespaces (namespaces(7)). The order is that of joining: the user namespace first,
 * since it gives the right to join the others; the mount namespace last, since it changes what
 * every path means. */
enum ct_ns {
	CT_USER,
	CT_CGROUP,
	CT_IPC,
	CT_UTS,
	CT_NET,
	CT_PID,
	CT_TIME,
	CT_MOUNT,
	CT_NS_COUNT,
};

struct ct_namespace {
	bool in; /* not the caller's, but … */
	const char *path; /* … this one (a file as in /proc/PID/ns), or a new one when NULL */
};

/* One line of /proc/PID/uid_map (user_namespaces(7)). */
struct ct_id_map {
	uint32_t container_id;
	uint32_t host_id;
	uint32_t size;
};
struct ct_id_maps {
	struct ct_id_map *v;
	size_t n;
};

struct ct_mount {
	const char *destination; /* in the container: absolute */
	const char *type; /* file system; NULL for a bind */
	const char *source;
	unsigned long flags; /* MS_RDONLY, MS_NOSUID …; MS_BIND with or without MS_REC */
	unsigned long propagation; /* MS_PRIVATE, MS_REC|MS_SLAVE …; 0: leave it */
	const char *data; /* file system's own options, "" for none */
	bool idmap; /* a bind, seen with the ids of the user namespace */
	bool optional; /* left out where the kernel or the root does not have it */
	bool ordinary; /* destination must be a real directory: no symlink on the way, no mount */
};
struct ct_mounts {
	struct ct_mount *v;
	size_t n;
};

struct ct_groups {
	bool given;
	size_t n;
	gid_t v[64];
};

struct ct_rlimit {
	int resource; /* RLIMIT_NOFILE … */
	const char *name; /* "nofile" */
	uint64_t soft, hard; /* RLIM_INFINITY: no limit */
};

struct ct_root {
	const char *path; /* NULL: the caller's root stays */
	bool readonly;
	bool chroot; /* only chroot(2): to show what it does not give */
	bool dev; /* device nodes and links in /dev, on the tmpfs that a mount put there */
	struct strlist devices; /* "HOSTPATH[:DST]" */
	struct strlist masked; /* read as empty */
	struct strlist readonly_paths;
};

struct ct_process {
	char **args; /* NULL-terminated, found in PATH */
	struct strlist env; /* "K=V", added to (or with clear_env in place of) the caller's */
	struct strlist env_from; /* "K=V", and the file that V was read from, in turns */
	bool clear_env;
	bool default_env; /* PATH and HOME where they are absent */
	const char *cwd; /* NULL: the caller's, or / in a new root */
	const char *user; /* "USER[:GROUP]", names of the root's passwd and group; NULL: stays */
	bool drop_groups; /* no supplementary groups, when user is NULL */
	struct ct_groups groups; /* these, instead of those that the root's files give the user */
	struct strlist more_groups; /* and these: names of the root's group file, or numbers */
	bool set_umask;
	mode_t umask;
	struct ct_rlimit rlimits[16];
	size_t n_rlimits;
	const char *oom_score_adj; /* NULL: stays */
	bool set_caps; /* bounding, permitted, effective become `caps`; inheritable, ambient empty
			*/
	uint64_t caps;
	uint64_t caps_wanted; /* of these, the ones asked for by name: lacking one is an error */
	bool no_new_privs;
	const struct sock_filter *seccomp; /* NULL: none */
	unsigned short seccomp_len;
	bool terminal; /* a pty of its own, relayed to the caller's */
	bool console; /* its master end goes over the socket that is standard input instead */
	bool init; /* a small init as process 1, the program as its child */
	bool close_fds; /* every descriptor >= 3 + preserve_fds is closed at exec */
	unsigned preserve_fds;
};

struct ct {
	struct ct_namespace ns[CT_NS_COUNT];
	struct ct_id_maps uid_map, gid_map; /* empty: the caller becomes 0 */
	bool map_auto; /* all ids that /etc/subuid and /etc/subgid give the caller */
	struct ct_root root;
	struct ct_mounts mounts; /* made in this order */
	struct strlist sysctl; /* "K=V" */
	const char *hostname, *domainname;
	bool lo_up;
	const char *cgroup; /* joined before anything else; NULL: stays */
	const char *pidfile; /* the process's id as the caller sees it, before it starts */
	struct ct_process process;
};

/* What is known of each kind: "net", CLONE_NEWNET. */
const char *ct_ns_name(enum ct_ns ns);
int ct_ns_flag(enum ct_ns ns);

/* ---- filling it (ct_parse.c, ct_caps.c, ct_confine.c) ---- */

/* Parsers for option tables, each with the type that `to` points to. Words are copied where they
 * are cut; the rest is kept. */
opt_parse_fn ct_opt_namespace; /* struct ct_namespace: a new one, or "FILE" */
opt_parse_fn ct_opt_bind; /* struct ct_mounts: "SRC:DST[:OPTS]" as Docker and mount(8) write it */
opt_parse_fn ct_opt_tmpfs; /* struct ct_mounts: "DST[:OPTS]" */
opt_parse_fn ct_opt_fs; /* struct ct_mounts: "TYPE:SRC:DST[:OPTS]" */
opt_parse_fn ct_opt_map; /* struct ct_id_maps: "INSIDE:OUTSIDE:COUNT" */
opt_parse_fn ct_opt_groups; /* struct ct_groups: "GID,GID", numbers; "" for none */
opt_parse_fn ct_opt_umask; /* struct ct_process: octal */
opt_parse_fn ct_opt_rlimit; /* struct ct_process: "nofile=SOFT[:HARD]", "unlimited" or -1 */
opt_parse_fn ct_opt_caps; /* struct ct_caps: "CAP,CAP" */
opt_parse_fn ct_opt_pair; /* struct strlist: "NAME=VALUE" */
opt_parse_fn ct_opt_env_from; /* the same: "NAME=FILE", read at once; added as env_from has them */
opt_parse_fn ct_opt_oom; /* const char *: -1000 to 1000 */
opt_parse_fn ct_opt_fds; /* unsigned */

struct ct_caps {
	uint64_t bits; /* those that were named */
	bool all; /* ALL was */
	bool given;
};
/* What the program may do, as Docker's options say it. */
struct ct_confine {
	bool by_default; /* Docker's capabilities and filter, where nothing else is said */
	bool privileged; /* all capabilities, no filter, where nothing else is said */
	struct ct_caps add, drop;
	const char *seccomp; /* "default", "none", a profile's path, NULL */
};
/* Sets capabilities and filter of p. A filter that is not the built-in one is made by the companion
 * tool seccomp-bpf, which is run, and lives as long as the process. Returns 0, or -1 with `err`
 * set. */
int ct_confine(const struct ct_confine *o, struct ct_process *p);

/* A mount built in code; strings are not copied. */
void ct_add_mount(struct ct_mounts *m, struct ct_mount one);

/* Docker's fourteen (moby, oci/caps/defaults.go), and all that this kernel knows. */
uint64_t ct_caps_default(void);
uint64_t ct_caps_all(void);
/* "CAP_NET_RAW" or "net_raw" as its bit. Returns 0, or -1 with `err` set. */
int ct_caps_parse(const char *name, uint64_t *bit);
/* The same, or "ALL", into a set. */
int ct_caps_name_in(struct ct_caps *set, const char *name);
/* What is left of base, as Docker has it (moby, oci/caps "TweakCapabilities"): ALL added is all but
 * those that are dropped by name; ALL dropped is those that are added by name; else those dropped
 * go, and then those added come. */
uint64_t ct_caps_change(uint64_t base, const struct ct_caps *add, const struct ct_caps *drop);
/* Name without prefix, lower case ("net_raw"), NULL for a number the library does not know. */
const char *ct_caps_name(unsigned cap);

/* Docker's masked and read-only paths (moby, oci/defaults.go), up to NULL. */
extern const char *const ct_masked_paths[];
extern const char *const ct_readonly_paths[];
/* Both of them, and the mounts of /proc, /dev and /sys of a container, for the namespaces that c
 * has. `shm_size` in bytes. */
void ct_default_masks(struct ct *c);
void ct_default_proc(struct ct *c);
void ct_default_dev(struct ct *c, int64_t shm_size);
void ct_default_sys(struct ct *c);

/* ---- carrying it out (ct.c) ---- */

/* Becomes the process, or where the kernel needs a child for that (new pid or time namespace, an
 * init, a terminal) starts it as one and waits, handing on signals. Without a child it does not
 * return unless it fails. Returns the exit status (128 + n when killed by signal n), or -1 with
 * `err` set. Namespaces given by path are joined by the calling process itself, so that a pid
 * namespace can hold the child. In a dry run it tells the script and exits. */
int ct_run(const struct ct *c);

/* A process that has everything but its exec. */
struct ct_proc {
	pid_t pid;
	int pidfd; /* poll(2)able: readable when it has ended */
	int sync; /* ct_start writes here, and hears of a failed exec */
	int terminal; /* master end of its pty, -1 without one */
};
/* The two phases: between them the caller may attach a network, run hooks, note the pid. The child
 * dies with the thread that made it. ct_create returns when the child stands before its exec, or -1
 * with `err` set and no child left; ct_start when the exec has happened, or -1 likewise. ct_wait
 * gives the exit status as ct_run. The caller closes the descriptors by ct_close. */
int ct_create(const struct ct *c, struct ct_proc *p);
int ct_start(struct ct_proc *p);
int ct_wait(struct ct_proc *p);
void ct_close(struct ct_proc *p);

/* Joins the namespaces of a running process (or those given by path in c) and becomes, or runs, the
 * program of c->process in them. */
struct ct_target {
	int pidfd; /* of the process, closed once it is joined; -1: only the paths in c->ns */
	pid_t pid;
	int flags; /* CLONE_NEW* to join through pidfd */
	bool root; /* its root directory */
	bool cwd; /* its working directory */
};
int ct_join(const struct ct *c, const struct ct_target *t);

#endif
