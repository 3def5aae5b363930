/* SPDX-License-Identifier: MIT
 * A static program for the test root: prints as one JSON object what a process sees of itself and
 * of its world, for jq to assert. With a word it does one small thing instead (modes below).
 * It stands alone on purpose: what tests the library must not be built from it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* ---- JSON: keys and values come in turn; a comma goes before all but the first ---- */

static bool fresh = true;

static void
comma(void)
{
	if (!fresh)
		putchar(',');
	fresh = false;
}

static void
open_with(char bracket)
{
	putchar(bracket);
	fresh = true;
}

static void
close_with(char bracket)
{
	putchar(bracket);
	fresh = false;
}

/* Length of a well-formed UTF-8 sequence, 0 for anything else: the output is JSON whatever the
 * names in it hold. */
static size_t
utf8(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1
		: s[0] < 0xc2  ? 0
		: s[0] < 0xe0  ? 2
		: s[0] < 0xf0  ? 3
		: s[0] < 0xf5  ? 4
			       : 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void
put_string(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	putchar('"');
	while (*s) {
		size_t n = utf8(s);
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			printf("\\u%04x", *s);
		else if (!n)
			fputs("\\ufffd", stdout);
		else
			fwrite(s, 1, n, stdout);
		s += n ? n : 1;
	}
	putchar('"');
}

static void
key(const char *name)
{
	comma();
	put_string(name);
	putchar(':');
	fresh = true;
}

static void
string(const char *s)
{
	comma();
	if (s)
		put_string(s);
	else
		fputs("null", stdout);
}

static void
number(long long n)
{
	comma();
	printf("%lld", n);
}

static void
boolean(bool b)
{
	comma();
	fputs(b ? "true" : "false", stdout);
}

static void
key_string(const char *name, const char *s)
{
	key(name);
	string(s);
}

static void
key_number(const char *name, long long n)
{
	key(name);
	number(n);
}

/* ---- what /proc says ---- */

/* A whole small file, or NULL. The caller frees. */
static char *
slurp(const char *path)
{
	size_t cap = 65536, len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	char *text = malloc(cap + 1);
	for (ssize_t n; text && (n = read(fd, text + len, cap - len)) > 0;) {
		len += (size_t)n;
		if (len == cap)
			text = realloc(text, (cap *= 2) + 1);
	}
	close(fd);
	if (text)
		text[len] = '\0';
	return text;
}

/* mountinfo writes blanks, newlines and backslashes as three octal digits. */
static void
unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		if (s[0] == '\\' && isdigit(s[1]) && isdigit(s[2]) && isdigit(s[3])) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + s[3] - '0');
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* "id parent major:minor root point options optional… - type source superoptions" (proc(5)). */
static void
put_mount(char *line)
{
	static const char *const names[] = {NULL, NULL, "dev", "root", "point", "options"};
	static const char *const more[] = {"fstype", "source", "super"};
	char *save = NULL, *word = strtok_r(line, " ", &save);
	comma();
	open_with('{');
	for (int i = 0; i < 6 && word; i++, word = strtok_r(NULL, " ", &save)) {
		unescape(word);
		if (names[i])
			key_string(names[i], word);
	}
	key("propagation");
	open_with('[');
	for (; word && strcmp(word, "-") != 0; word = strtok_r(NULL, " ", &save))
		string(word);
	close_with(']');
	for (int i = 0; i < 3 && (word = strtok_r(NULL, " ", &save)); i++) {
		unescape(word);
		key_string(more[i], word);
	}
	close_with('}');
}

/* Each line of a file, put by fn into an array; null where the file cannot be read. */
static void
key_lines(const char *name, const char *path, void (*fn)(char *line))
{
	char *save = NULL, *text = slurp(path);
	key(name);
	if (!text) {
		string(NULL);
		return;
	}
	open_with('[');
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		fn(line);
	close_with(']');
	free(text);
}

static void
put_line(char *line)
{
	string(line);
}

/* "  0  1000  1" without the padding. */
static void
put_map(char *line)
{
	unsigned inside, outside, count;
	char text[64];
	if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3) {
		snprintf(text, sizeof(text), "%u %u %u", inside, outside, count);
		string(text);
	}
}

static const char *const cap_names[] = {"chown", "dac_override", "dac_read_search", "fowner",
	"fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable", "net_bind_service",
	"net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio",
	"sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
	"sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write",
	"audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm",
	"block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore"};

static void
key_caps(const char *name, const char *hex)
{
	unsigned long long set = strtoull(hex, NULL, 16);
	key(name);
	open_with('[');
	for (unsigned i = 0; i < 64; i++) {
		char text[32];
		if (!(set >> i & 1))
			continue;
		if (i < sizeof(cap_names) / sizeof(cap_names[0]))
			snprintf(text, sizeof(text), "%s", cap_names[i]);
		else
			snprintf(text, sizeof(text), "cap_%u", i);
		string(text);
	}
	close_with(']');
}

/* Numbers of the signals in a mask of /proc/self/status: bit 0 is signal 1. */
static void
key_signals(const char *name, const char *hex)
{
	unsigned long long set = strtoull(hex, NULL, 16);
	key(name);
	open_with('[');
	for (int i = 0; i < 64; i++)
		if (set >> i & 1)
			number(i + 1);
	close_with(']');
}

static void
key_ids(const char *name, const char *text)
{
	unsigned id[4] = {0};
	static const char *const which[] = {"real", "effective", "saved", "fs"};
	sscanf(text, "%u %u %u %u", &id[0], &id[1], &id[2], &id[3]);
	key(name);
	open_with('{');
	for (int i = 0; i < 4; i++)
		key_number(which[i], id[i]);
	close_with('}');
}

static const struct {
	const char *field, *name;
	void (*put)(const char *name, const char *text);
} status_fields[] = {
	{"Uid:", "uid", key_ids},
	{"Gid:", "gid", key_ids},
	{"CapInh:", "cap_inh", key_caps},
	{"CapPrm:", "cap_prm", key_caps},
	{"CapEff:", "cap_eff", key_caps},
	{"CapBnd:", "cap_bnd", key_caps},
	{"CapAmb:", "cap_amb", key_caps},
	{"SigBlk:", "sig_blocked", key_signals},
	{"SigIgn:", "sig_ignored", key_signals},
	{"SigCgt:", "sig_caught", key_signals},
};

/* What has no system call to ask for, or is only whole in /proc. null without /proc: a test of a
 * root without one still gets the rest. */
static void
put_status(void)
{
	char *save = NULL, *text = slurp("/proc/self/status");
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save))
		for (size_t i = 0; i < sizeof(status_fields) / sizeof(status_fields[0]); i++) {
			size_t n = strlen(status_fields[i].field);
			if (strncmp(line, status_fields[i].field, n) == 0)
				status_fields[i].put(status_fields[i].name, line + n);
		}
	free(text);
}

static void
put_groups(void)
{
	gid_t list[NGROUPS_MAX];
	int n = getgroups(NGROUPS_MAX, list);
	key("groups");
	open_with('[');
	for (int i = 0; i < n; i++)
		number(list[i]);
	close_with(']');
}

/* Inode numbers tell namespaces apart: namespaces(7). */
static void
put_namespaces(void)
{
	static const char *const names[] = {
		"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
	key("ns");
	open_with('{');
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];
		struct stat sb;
		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		key(names[i]);
		if (stat(path, &sb) == 0)
			number((long long)sb.st_ino);
		else
			string(NULL);
	}
	close_with('}');
}

static const char *
tty_of(int fd)
{
	static char name[PATH_MAX];
	if (!isatty(fd))
		return NULL;
	return ttyname_r(fd, name, sizeof(name)) == 0 ? name : "?";
}

/* Every descriptor but the one we look with. */
static void
put_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	key("fds");
	open_with('{');
	for (struct dirent *e; d && (e = readdir(d));) {
		char target[PATH_MAX];
		if (!isdigit((unsigned char)e->d_name[0]) || atoi(e->d_name) == dirfd(d))
			continue;
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		key_string(e->d_name, target);
	}
	close_with('}');
	if (d)
		closedir(d);
	key("tty");
	open_with('[');
	for (int fd = 0; fd < 3; fd++)
		string(tty_of(fd));
	close_with(']');
}

static void
put_window(void)
{
	struct winsize w;
	key("window");
	open_with('[');
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0) {
		number(w.ws_row);
		number(w.ws_col);
	}
	close_with(']');
	/* Our controlling terminal, if any: only then can ^C reach us. */
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	key("controlling_tty");
	boolean(fd >= 0);
	if (fd >= 0)
		close(fd);
}

static void
put_rlimits(void)
{
	static const char *const names[] = {"cpu", "fsize", "data", "stack", "core", "rss", "nproc",
		"nofile", "memlock", "as", "locks", "sigpending", "msgqueue", "nice", "rtprio",
		"rttime"};
	key("rlimits");
	open_with('{');
	for (int i = 0; i < 16; i++) {
		struct rlimit r;
		if (getrlimit((__rlimit_resource_t)i, &r) < 0)
			continue;
		key(names[i]);
		open_with('[');
		/* -1 stands for "unlimited": 2^64-1 is more than JSON readers keep exact. */
		number(r.rlim_cur == RLIM_INFINITY ? -1 : (long long)r.rlim_cur);
		number(r.rlim_max == RLIM_INFINITY ? -1 : (long long)r.rlim_max);
		close_with(']');
	}
	close_with('}');
}

static void
put_links(void)
{
	struct if_nameindex *all = if_nameindex();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	key("links");
	open_with('{');
	for (struct if_nameindex *i = all; i && i->if_name; i++) {
		struct ifreq r = {0};
		snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", i->if_name);
		bool up = ioctl(fd, SIOCGIFFLAGS, &r) == 0 && r.ifr_flags & IFF_UP;
		key_string(i->if_name, up ? "up" : "down");
	}
	close_with('}');
	if_freenameindex(all);
	close(fd);
}

static void
key_words(const char *name, char **words)
{
	key(name);
	open_with('[');
	for (; *words; words++)
		string(*words);
	close_with(']');
}

/* An object for looking up, and the raw list beside it, which keeps order and doubles. */
static void
put_environment(void)
{
	key_words("environ", environ);
	key("env");
	open_with('{');
	for (char **e = environ; *e; e++) {
		char *eq = strchr(*e, '='), name[4096];
		if (!eq)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(eq - *e), *e);
		key_string(name, eq + 1);
	}
	close_with('}');
}

static void
key_file(const char *name, const char *path)
{
	char *text = slurp(path);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	key_string(name, text);
	free(text);
}

static void
put_process(void)
{
	char cwd[PATH_MAX], exe[PATH_MAX];
	mode_t mask = umask(0);
	umask(mask);
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	key_string("cwd", getcwd(cwd, sizeof(cwd)));
	key_string("exe", exe);
	key_number("pid", getpid());
	key_number("ppid", getppid());
	key_number("pgid", getpgrp());
	key_number("sid", getsid(0));
	snprintf(cwd, sizeof(cwd), "%04o", mask);
	key_string("umask", cwd);
	key_number("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	/* prctl(2): SIGKILL where a strict filter forbids even asking; the tests have none such. */
	key_number("seccomp", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	key_number("securebits", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	key_number("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	key_number("keepcaps", prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
	int parent_signal = 0, reaper = 0;
	prctl(PR_GET_PDEATHSIG, &parent_signal, 0, 0, 0);
	prctl(PR_GET_CHILD_SUBREAPER, &reaper, 0, 0, 0);
	key_number("pdeathsig", parent_signal);
	key_number("subreaper", reaper);
}

static int
show_all(char **argv)
{
	struct utsname uts;
	uname(&uts);
	open_with('{');
	key_words("argv", argv);
	put_environment();
	put_process();
	put_status();
	put_groups();
	key_lines("uid_map", "/proc/self/uid_map", put_map);
	key_lines("gid_map", "/proc/self/gid_map", put_map);
	key_file("setgroups", "/proc/self/setgroups");
	key_file("oom_score_adj", "/proc/self/oom_score_adj");
	key_file("timens_offsets", "/proc/self/timens_offsets");
	key_string("hostname", uts.nodename);
	key_string("domainname", uts.domainname);
	key_string("machine", uts.machine);
	put_namespaces();
	key_lines("mounts", "/proc/self/mountinfo", put_mount);
	key_lines("cgroup", "/proc/self/cgroup", put_line);
	put_links();
	put_descriptors();
	put_window();
	put_rlimits();
	close_with('}');
	putchar('\n');
	return fflush(stdout) ? 1 : 0;
}

/* ---- probe call NAME: one system call, and what the kernel says ---- */

static long
call_unshare(int flags)
{
	return syscall(SYS_unshare, flags);
}

static long
call_clone3_user(void)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static long
call_perf(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.exclude_kernel = 1,
		.disabled = 1};
	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static long
call_bpf(void)
{
	union bpf_attr attr = {0};
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = 4;
	attr.max_entries = 1;
	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long
call_io_uring(void)
{
	char params[256] = {0};
	return syscall(SYS_io_uring_setup, 1, params);
}

/* A child that asks to be traced: allowed by Docker's profile since kernel 4.8. */
static long
call_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long
call_tiocsti(void)
{
	char c = 'x';
	return ioctl(STDIN_FILENO, TIOCSTI, &c);
}

static long
call_settime(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return clock_settime(CLOCK_REALTIME, &now);
}

static long
call_rename_host(void)
{
	struct utsname uts;
	uname(&uts);
	return sethostname(uts.nodename, strlen(uts.nodename));
}

/* The calls that a confinement is asked about. Each is made so that the kernel, where it allows
 * it, changes nothing that outlives us. */
static long
make_call(const char *name)
{
	if (strncmp(name, "unshare-", 8) == 0) {
		static const struct {
			const char *name;
			int flag;
		} flags[] = {{"user", CLONE_NEWUSER}, {"mount", CLONE_NEWNS}, {"net", CLONE_NEWNET},
			{"pid", CLONE_NEWPID}, {"uts", CLONE_NEWUTS}, {"ipc", CLONE_NEWIPC},
			{"cgroup", CLONE_NEWCGROUP}, {"time", 0x80}};
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			if (strcmp(name + 8, flags[i].name) == 0)
				return call_unshare(flags[i].flag);
	}
	static const struct {
		const char *name;
		long (*call)(void);
	} calls[] = {{"clone3-user", call_clone3_user}, {"perf_event_open", call_perf},
		{"bpf", call_bpf}, {"io_uring_setup", call_io_uring}, {"ptrace", call_ptrace},
		{"tiocsti", call_tiocsti}, {"clock_settime", call_settime},
		{"sethostname", call_rename_host}};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(name, calls[i].name) == 0)
			return calls[i].call();
	/* With arguments that the kernel refuses after it has looked at the right to call. */
	static const struct {
		const char *name;
		long nr, a, b, c;
	} plain[] = {{"mount", SYS_mount, 0, 0, 0}, {"umount2", SYS_umount2, 0, 0, 0},
		{"fsopen", SYS_fsopen, 0, 0, 0}, {"fsconfig", SYS_fsconfig, -1, 0, 0},
		{"fsmount", SYS_fsmount, -1, 0, 0}, {"fspick", SYS_fspick, -1, 0, 0},
		{"move_mount", SYS_move_mount, -1, 0, -1}, {"open_tree", SYS_open_tree, -1, 0, 0},
		{"mount_setattr", SYS_mount_setattr, -1, 0, 0},
		{"pivot_root", SYS_pivot_root, 0, 0, 0}, {"setns", SYS_setns, -1, 0, 0},
		{"keyctl", SYS_keyctl, 0, -3, 0}, {"add_key", SYS_add_key, 0, 0, 0},
		{"request_key", SYS_request_key, 0, 0, 0}, {"kexec_load", SYS_kexec_load, 0, 0, 0},
		{"init_module", SYS_init_module, 0, 0, 0},
		{"finit_module", SYS_finit_module, -1, 0, 0},
		{"delete_module", SYS_delete_module, 0, 0, 0}, {"reboot", SYS_reboot, 0, 0, 0},
		{"swapon", SYS_swapon, 0, 0, 0}, {"swapoff", SYS_swapoff, 0, 0, 0},
		{"acct", SYS_acct, 1, 0, 0}, {"quotactl", SYS_quotactl, -1, 0, 0},
		{"syslog", SYS_syslog, 10, 0, 0}, {"userfaultfd", SYS_userfaultfd, 0, 0, 0},
		{"name_to_handle_at", SYS_name_to_handle_at, -1, 0, 0},
		{"open_by_handle_at", SYS_open_by_handle_at, -1, 0, 0},
		{"process_vm_readv", SYS_process_vm_readv, 0, 0, 0}, {"kcmp", SYS_kcmp, 0, 0, 99},
		{"personality", SYS_personality, 0x0400000, 0, 0},
		{"chroot", SYS_chroot, (long)"/", 0, 0}, {"getpid", SYS_getpid, 0, 0, 0},
		{"nosuchcall", 100000, 0, 0, 0},
#ifdef SYS_iopl
		{"iopl", SYS_iopl, 3, 0, 0}, {"ioperm", SYS_ioperm, 0, 1, 1},
#endif
		{"lookup_dcookie", SYS_lookup_dcookie, 0, 0, 0}, {"memfd_secret", 447, 0, 0, 0},
		{"pidfd_getfd", SYS_pidfd_getfd, -1, 0, 0},
		{"socket-vsock", SYS_socket, AF_VSOCK, SOCK_STREAM, 0},
		{"socket-alg", SYS_socket, AF_ALG, SOCK_SEQPACKET, 0},
		{"socket-packet", SYS_socket, AF_PACKET, SOCK_RAW, 0},
		{"socket-inet", SYS_socket, AF_INET, SOCK_STREAM, 0}};
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(name, plain[i].name) == 0)
			return syscall(plain[i].nr, plain[i].a, plain[i].b, plain[i].c, 0, 0, 0);
	fprintf(stderr, "probe: unknown call %s\n", name);
	exit(2);
}

/* Every name gets an object of its own, made in a child of its own where one call would change what
 * the next is allowed. */
static int
mode_call(char **names)
{
	for (; *names; names++) {
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0) {
			errno = 0;
			long r = make_call(*names);
			int no = r < 0 ? errno : 0;
			open_with('{');
			key_string("call", *names);
			key_string("errno", no ? strerrorname_np(no) : "");
			close_with('}');
			putchar('\n');
			fflush(stdout);
			_exit(0);
		}
		int status;
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			return 1;
		if (WIFSIGNALED(status))
			printf("{\"call\":\"%s\",\"signal\":%d}\n", *names, WTERMSIG(status));
		else if (WEXITSTATUS(status))
			return WEXITSTATUS(status);
		fresh = true;
	}
	return fflush(stdout) ? 1 : 0;
}

/* ---- the other modes ---- */

static int
mode_exit(char **arg)
{
	return arg[0] ? atoi(arg[0]) : 0;
}

/* By this signal, whatever was inherited as blocked or ignored. A pid 1 of a namespace is immune
 * to its own signals (pid_namespaces(7)): then it says so. */
static int
mode_kill(char **arg)
{
	int sig = arg[0] ? atoi(arg[0]) : SIGTERM;
	sigset_t one;
	struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	sigemptyset(&one);
	sigaddset(&one, sig);
	signal(sig, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	kill(getpid(), sig);
	/* SIGCHLD, SIGCONT, SIGURG, SIGWINCH do nothing; and stopped processes go on here. */
	return 0;
}

/* What a file answers: {"write":PATH,"errno":…}. */
static int
mode_file(const char *verb, int flags, char **arg)
{
	for (; *arg; arg++) {
		char c = 0;
		const char *text = "1";
		errno = 0;
		int fd = open(*arg, flags | O_CLOEXEC | O_NONBLOCK);
		ssize_t n = fd;
		/* An existing file is not truncated: the probe looks at rights, it does not spoil.
		 */
		if (fd >= 0)
			n = flags == O_RDONLY ? read(fd, &c, 1) : write(fd, text, 0);
		int no = n < 0 ? errno : 0;
		open_with('{');
		key_string(verb, *arg);
		key_string("errno", no ? strerrorname_np(no) : "");
		close_with('}');
		putchar('\n');
		fresh = true;
		if (fd >= 0)
			close(fd);
	}
	return fflush(stdout) ? 1 : 0;
}

static int
mode_read(char **arg)
{
	return mode_file("read", O_RDONLY, arg);
}

static int
mode_write(char **arg)
{
	return mode_file("write", O_WRONLY, arg);
}

/* Touches so many MiB, page by page, says so, and gives them back by ending. */
static int
mode_eat(char **arg)
{
	size_t n = (arg[0] ? strtoul(arg[0], NULL, 10) : 1) << 20;
	volatile char *memory = malloc(n);
	for (size_t i = 0; memory && i < n; i += 4096)
		memory[i] = 1;
	puts(memory ? "eaten" : "refused");
	return fflush(stdout) || !memory;
}

static int
mode_spin(char **arg)
{
	double seconds = arg[0] ? atof(arg[0]) : 1e9;
	struct timespec from, now;
	clock_gettime(CLOCK_MONOTONIC, &from);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((double)(now.tv_sec - from.tv_sec) + (double)(now.tv_nsec - from.tv_nsec) / 1e9 <
		seconds);
	return 0;
}

/* Says "ready", then waits: for ever, or as many seconds. */
static int
mode_sleep(char **arg)
{
	puts("ready");
	fflush(stdout);
	if (!arg[0])
		for (;;)
			pause();
	double seconds = atof(arg[0]);
	struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	nanosleep(&t, NULL);
	return 0;
}

/* Prints the number of each signal that comes, one a line, after "ready"; ends with SIGTERM's. By
 * the bare calls: the C library keeps signals 32 and 33 to itself, and leaves them out of every
 * set. */
static int
mode_signals(char **arg)
{
	uint64_t all = ~0ull;
	(void)arg;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
	puts("ready");
	fflush(stdout);
	for (;;) {
		int sig = (int)syscall(SYS_rt_sigtimedwait, &all, NULL, NULL, sizeof(all));
		if (sig < 0 && errno != EINTR)
			return 1;
		struct winsize w = {0};
		if (sig == SIGWINCH && ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0)
			printf("%d %d %d\n", sig, w.ws_row, w.ws_col);
		else if (sig > 0)
			printf("%d\n", sig);
		fflush(stdout);
		if (sig == SIGTERM)
			return 0;
	}
}

/* By a fault of the program itself, from which process 1 of a namespace is not spared. */
static int
mode_crash(char **arg)
{
	const char *how = arg[0] ? arg[0] : "segv";
	struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	if (strcmp(how, "ill") == 0)
		__builtin_trap();
	volatile uintptr_t nowhere = 0;
	return *(volatile int *)nowhere;
}

/* Makes so many children that live until we are told to end, and says how many it got. */
static int
mode_fork(char **arg)
{
	int want = arg[0] ? atoi(arg[0]) : 1, got = 0, no = 0;
	pid_t *children = calloc((size_t)want + 1, sizeof(*children));
	if (!children)
		return 1;
	for (; got < want; got++) {
		children[got] = fork();
		if (children[got] == 0) {
			for (;;)
				pause();
		}
		if (children[got] < 0) {
			no = errno;
			break;
		}
	}
	printf("{\"forked\":%d,\"errno\":\"%s\"}\n", got, no ? strerrorname_np(no) : "");
	for (int i = 0; i < got; i++)
		kill(children[i], SIGKILL);
	for (int i = 0; i < got; i++)
		waitpid(children[i], NULL, 0);
	free(children);
	return fflush(stdout) ? 1 : 0;
}

/* Whether somebody collects orphans: a grandchild is orphaned and ends; then it must go from the
 * list of processes. Prints {"orphan":PID,"parent":its new parent,"reaped":true}. */
static int
mode_reap(char **arg)
{
	int ends[2];
	pid_t orphan = 0, parent = 0;
	(void)arg;
	if (pipe(ends) < 0)
		return 1;
	pid_t child = fork();
	if (child == 0) {
		pid_t middle = getpid();
		if (fork() != 0)
			_exit(0);
		while (getppid() == middle)
			usleep(1000);
		pid_t says[2] = {getpid(), getppid()};
		_exit(write(ends[1], says, sizeof(says)) != sizeof(says));
	}
	waitpid(child, NULL, 0);
	pid_t said[2] = {0, 0};
	if (read(ends[0], said, sizeof(said)) == sizeof(said)) {
		orphan = said[0];
		parent = said[1];
	}
	bool gone = false;
	for (int i = 0; i < 5000 && !gone; i++) {
		gone = orphan && kill(orphan, 0) < 0 && errno == ESRCH;
		if (!gone)
			usleep(1000);
	}
	printf("{\"orphan\":%d,\"parent\":%d,\"reaped\":%s}\n", orphan, parent,
		gone ? "true" : "false");
	return fflush(stdout) || !gone;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(char **arg);
	} modes[] = {{"exit", mode_exit}, {"kill", mode_kill}, {"call", mode_call},
		{"read", mode_read}, {"write", mode_write}, {"eat", mode_eat}, {"spin", mode_spin},
		{"sleep", mode_sleep}, {"signals", mode_signals}, {"crash", mode_crash},
		{"fork", mode_fork}, {"reap", mode_reap}};
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run(argv + 2);
	return show_all(argv);
}
