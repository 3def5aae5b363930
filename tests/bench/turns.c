/* SPDX-License-Identifier: MIT
 * turns [-n ROUNDS] [-p] COMMAND... :: COMMAND... : runs the given alternatives in turns, A B A B,
 * and prints for each the median and the least time in microseconds, and the most memory that one
 * of its processes had, in kB. In turns, so that whatever else the machine does falls on all of
 * them alike; only their ratio is worth something.
 *
 * An alternative is one command, or several that run after each other: "A + B + C". No shell
 * between: its start would be measured too. What follows "++" runs when the clock has stopped: it
 * clears away for the next turn. A first word @FILE names a mount namespace for it, entered before
 * the clock starts. A command that begins with <FILE reads from that file. -p pauses 100 ms before
 * each (what waits for a grace period of the kernel shows only after an idle spell). Output goes to
 * /dev/null.
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ALTERNATIVES 16

struct alternative {
	char **words; /* commands, divided by NULL; the last ends in two */
	char **after; /* the first that is not timed; NULL for none */
	int ns; /* mount namespace, -1 for ours */
	double *us;
	long kb; /* peak */
};

static double
now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Runs a command; the peak of its memory in kB. */
static long
run_one(char **argv)
{
	posix_spawn_file_actions_t files;
	struct rusage used;
	pid_t pid;
	int status;
	const char *input = "/dev/null";
	if (**argv == '<')
		input = *argv++ + 1;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	int no = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (no)
		errx(1, "cannot run %s: %s", argv[0], strerror(no));
	if (wait4(pid, &status, 0, &used) < 0)
		err(1, "wait4");
	if (status)
		errx(1, "%s %s: %s %d", argv[0], argv[1] ? argv[1] : "",
			WIFEXITED(status) ? "exit status" : "killed by signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return used.ru_maxrss;
}

/* Runs commands up to `end`, or to the end of all for NULL. */
static void
run_all(char **argv, char **end, long *kb)
{
	while (*argv && argv != end) {
		long one = run_one(argv);
		if (one > *kb)
			*kb = one;
		while (*argv)
			argv++;
		argv++;
	}
}

static void
enter(int ns)
{
	if (setns(ns, CLONE_NEWNS) < 0)
		err(1, "setns");
}

/* One turn: all commands of the alternative. */
static double
turn(struct alternative *a, bool pause)
{
	static int home = -1, here;
	if (home < 0) {
		home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
		here = open(".", O_PATH | O_CLOEXEC);
	}
	if (a->ns >= 0)
		enter(a->ns);
	if (pause)
		usleep(100000);
	double start = now_us();
	run_all(a->words, a->after, &a->kb);
	double took = now_us() - start;
	if (a->after)
		run_all(a->after, NULL, &(long){0});
	if (a->ns >= 0) {
		enter(home);
		/* setns(2) of a mount namespace leads to its root. */
		if (fchdir(here) < 0)
			err(1, "fchdir");
	}
	return took;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Cuts the words into alternatives at "::", and these into commands at "+". */
static int
cut(char **word, int rounds, struct alternative *out)
{
	int n = 0;
	/* Two NULLs end an alternative: each word may end one command, and there is one more. */
	size_t count = 0;
	while (word[count])
		count++;
	char **to = calloc(2 * count + 4, sizeof(*to));
	if (!to)
		err(1, "calloc");
	for (bool fresh = true; *word; word++) {
		if (fresh) {
			if (n == MAX_ALTERNATIVES)
				errx(1, "more than %d alternatives", MAX_ALTERNATIVES);
			out[n].us = calloc((size_t)rounds, sizeof(double));
			out[n].ns = -1;
			out[n++].words = to;
			fresh = false;
			if (**word == '@') {
				out[n - 1].ns = open(*word + 1, O_RDONLY | O_CLOEXEC);
				if (out[n - 1].ns < 0)
					err(1, "cannot open %s", *word + 1);
				continue;
			}
		}
		if (strcmp(*word, "::") == 0) {
			to += 2;
			fresh = true;
		} else {
			bool last = strcmp(*word, "++") == 0;
			*to++ = last || strcmp(*word, "+") == 0 ? NULL : *word;
			if (last)
				out[n - 1].after = to;
		}
	}
	return n;
}

int
main(int argc, char **argv)
{
	struct alternative alt[MAX_ALTERNATIVES] = {0};
	int rounds = 30, c;
	bool pause = false;
	while ((c = getopt(argc, argv, "+n:p")) > 0) {
		if (c == 'n')
			rounds = atoi(optarg);
		else if (c == 'p')
			pause = true;
		else
			return 2;
	}
	int n = cut(argv + optind, rounds, alt);
	if (n == 0 || rounds < 1)
		errx(2, "usage: turns [-n ROUNDS] [-p] COMMAND... [:: COMMAND...]...");
	for (int i = 0; i < n; i++)
		turn(&alt[i], false); /* warms the caches; not counted */
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < n; i++)
			alt[i].us[r] = turn(&alt[i], pause);
	for (int i = 0; i < n; i++) {
		qsort(alt[i].us, (size_t)rounds, sizeof(double), by_size);
		printf("%.0f %.0f %ld\n", alt[i].us[rounds / 2], alt[i].us[0], alt[i].kb);
	}
	return 0;
}
