/* SPDX-License-Identifier: MIT
 * Running programs of ours, and what a process may see.
 */
#include "ledger.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/state.h"
#include "door/sys.h"
#include "mech/overlay.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

bool
ledger_is_root(void)
{
	return geteuid() == 0;
}

bool
ledger_for_all(void)
{
	/* Overlay asks the same question: are we in the first user namespace? */
	return geteuid() == 0 && !overlay_user_xattr();
}

const char *
ledger_comm(const char *pid)
{
	static char comm[32];
	char path[64];
	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	if (file_read_line(path, comm, sizeof(comm)) < 0)
		comm[0] = '\0';
	return comm;
}

bool
ledger_locked(const char *path)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

bool
ledger_box_alive(const char *path)
{
	char root[PATH_MAX], lock[PATH_MAX];
	if (state_root(root) < 0)
		return false;
	size_t n = strlen(root);
	if (strncmp(path, root, n) != 0 || strncmp(path + n, "/boxes/", 7) != 0)
		return false;
	n += 7;
	n += strcspn(path + n, "/");
	int len = snprintf(lock, sizeof(lock), "%.*s/lock", (int)n, path);
	return len < (int)sizeof(lock) && ledger_locked(lock);
}

/* Whether a piece of an ELF file's notes holds ours (tool.c makes it; see elf(5)). */
static bool
has_mark(const char *notes, size_t n)
{
	for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= n;) {
		ElfW(Nhdr) h;
		memcpy(&h, notes + at, sizeof(h));
		size_t name = at + sizeof(h);
		if (h.n_namesz > n - name)
			return false;
		if (h.n_namesz == sizeof(MARK) && memcmp(notes + name, MARK, sizeof(MARK)) == 0)
			return true;
		at = name + ((h.n_namesz + 3u) & ~3u) + ((h.n_descsz + 3u) & ~3u);
	}
	return false;
}

/* By what the file is, not by what it is called: it may be anywhere, or deleted by now. */
static bool
is_our_program(const char *pid)
{
	char path[64], notes[1024];
	ElfW(Ehdr) eh;
	ElfW(Phdr) ph;
	snprintf(path, sizeof(path), "/proc/%.20s/exe", pid);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &eh, sizeof(eh), 0) != (ssize_t)sizeof(eh) ||
		memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_phentsize != sizeof(ph))
		return false;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		off_t at = (off_t)(eh.e_phoff + i * sizeof(ph));
		if (pread(fd, &ph, sizeof(ph), at) != (ssize_t)sizeof(ph))
			return false;
		if (ph.p_type != PT_NOTE)
			continue;
		size_t want = ph.p_filesz < sizeof(notes) ? ph.p_filesz : sizeof(notes);
		ssize_t n = pread(fd, notes, want, (off_t)ph.p_offset);
		if (n > 0 && has_mark(notes, (size_t)n))
			return true;
	}
	return false;
}

/* Some of our programs leave a child behind for a moment, which waits for the kernel in their stead
 * (net_link_discard()): what ends within that moment is not left. */
#define MOMENT 500 /* milliseconds, for all together */

static bool
ends_at_once(pid_t pid, int *left)
{
	auto_fd int fd = pidfd_open(pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (fd < 0)
		return errno == ESRCH;
	int64_t before = clock_ns(CLOCK_MONOTONIC);
	bool ended = poll(&p, 1, *left) > 0;
	*left -= (int)((clock_ns(CLOCK_MONOTONIC) - before) / 1000000);
	*left = *left > 0 ? *left : 0;
	return ended;
}

/* Such a child of this very run. */
static bool
is_our_child(const char *pid)
{
	char path[64], line[256];
	int parent = 0;
	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	/* "PID (NAME) STATE PPID …", and NAME may hold anything (proc(5)). */
	const char *end = file_read_line(path, line, sizeof(line)) == 0 ? strrchr(line, ')') : NULL;
	return end && sscanf(end, ") %*c %d", &parent) == 1 && parent == getpid();
}

static void
add_process(struct ledger *l, const struct kind *k, const char *pid)
{
	const char *comm = ledger_comm(pid);
	struct item *it = ledger_add(l, k, pid, "%s is running", comm);
	/* A service runs because somebody wants it to: nobody has left it. */
	it->in_use = strcmp(comm, "apid") == 0;
}

int
list_processes(struct ledger *l, const struct kind *k)
{
	struct dirent *e;
	int left = MOMENT;
	auto_dir DIR *proc = opendir("/proc");
	while (proc && (e = readdir(proc))) {
		pid_t pid = is_digits(e->d_name) ? (pid_t)atoi(e->d_name) : getpid();
		if (pid != getpid() && is_our_program(e->d_name) && !is_our_child(e->d_name) &&
			!ends_at_once(pid, &left))
			add_process(l, k, e->d_name);
	}
	return 0;
}

/* SIGTERM, which ns-exec hands on to what runs in its namespaces; SIGKILL by force. */
int
clean_process(const struct item *i, bool force)
{
	pid_t pid = (pid_t)atoi(i->name);
	return sys_kill("a program of ours that still runs", &pid, 1, force ? SIGKILL : SIGTERM);
}
