/* SPDX-License-Identifier: MIT
 * subreaper [-t SECONDS] CMD...: runs a command, and knows every process that it leaves behind.
 * Orphans below a child subreaper become its children (PR_SET_CHILD_SUBREAPER(2const)), however
 * they were daemonized; what is still running when the command has ended is named and killed, and
 * the exit status is 1. When the time is over everything is killed, and the status is 124.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE 3.0 /* seconds that orphans get to end by themselves */
#define KILLING 10.0 /* and the killed ones, which may have memory to give back */

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Calls fn for each child of ours that is not a zombie: its parent in /proc/PID/stat is we. */
static int
each_child(void (*fn)(pid_t pid))
{
	DIR *d = opendir("/proc");
	int found = 0;
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[64], line[512], state;
		int parent;
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/stat", e->d_name);
		FILE *f = fopen(path, "re");
		char *end = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
		if (end && sscanf(end + 1, " %c %d", &state, &parent) == 2 && parent == getpid() &&
			state != 'Z') {
			found++;
			fn((pid_t)atoi(e->d_name));
		}
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return found;
}

static void
count_child(pid_t pid)
{
	(void)pid;
}

static void
kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
}

static void
name_child(pid_t pid)
{
	char path[64], words[256];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(words, 1, sizeof(words) - 1, f) : 0;
	for (size_t i = 0; i < n; i++)
		if (!isprint((unsigned char)words[i]))
			words[i] = ' ';
	words[n] = '\0';
	printf("# left running: %d %s\n", pid, words);
	if (f)
		fclose(f);
}

/* Collects what has ended; true once `command` is among it. */
static bool
collect(pid_t command, int *status)
{
	bool ended = false;
	int s;
	for (pid_t pid; (pid = waitpid(-1, &s, WNOHANG)) > 0;)
		if (pid == command) {
			*status = WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s);
			ended = true;
		}
	return ended;
}

/* Sleeps until a signal comes, or 0.2 s. Returns whether it was one that ends us. */
static bool
told_to_end(const sigset_t *set)
{
	struct timespec tick = {0, 200000000};
	int sig = sigtimedwait(set, NULL, &tick);
	return sig == SIGTERM || sig == SIGINT || sig == SIGHUP;
}

/* Killing a child makes its children ours: again until there are none. */
static void
kill_all(void)
{
	int status;
	double end = now() + KILLING;
	while (each_child(kill_child) && now() < end) {
		usleep(20000);
		collect(-1, &status);
	}
}

static int
watch(pid_t command, double limit, const sigset_t *set)
{
	int status = 0;
	double end = now() + limit;
	while (!collect(command, &status)) {
		bool stop = told_to_end(set);
		if (!stop && now() < end)
			continue;
		if (!stop)
			printf("# the time limit of %.0f s is over\n", limit);
		kill_all();
		return stop ? 130 : 124;
	}
	for (end = now() + GRACE; each_child(count_child) && now() < end;) {
		told_to_end(set);
		collect(-1, &(int){0});
	}
	if (each_child(name_child)) {
		kill_all();
		return status ? status : 1;
	}
	return status;
}

/* Whatever our parents ignore, the tests start like programs of a shell. By the bare call: the C
 * library keeps signals 32 and 33 to itself. */
static void
reset_signals(void)
{
	static const char zeros[64];
	for (int sig = 1; sig <= 64; sig++)
		syscall(SYS_rt_sigaction, sig, zeros, NULL, 8);
}

int
main(int argc, char **argv)
{
	double limit = 1e9;
	sigset_t set;
	if (argc > 3 && strcmp(argv[1], "-t") == 0) {
		limit = atof(argv[2]);
		argv += 2;
	}
	if (argc < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
		fprintf(stderr, "Usage: subreaper [-t SECONDS] CMD...\n");
		return 2;
	}
	/* Whoever runs us may be killed: then nothing of ours stays either. */
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid_t command = fork();
	if (command == 0) {
		sigemptyset(&set);
		sigprocmask(SIG_SETMASK, &set, NULL);
		reset_signals();
		close_range(STDERR_FILENO + 1, ~0u, 0);
		execvp(argv[1], argv + 1);
		fprintf(stderr, "subreaper: %s: %s\n", argv[1], strerror(errno));
		_exit(127);
	}
	int status = command < 0 ? 1 : watch(command, limit, &set);
	fflush(stdout);
	return status;
}
