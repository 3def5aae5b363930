/* SPDX-License-Identifier: MIT
 * turns [-n ROUNDS] [-p] COMMAND... :: COMMAND... : runs the given alternatives in turns, A B A B,
 * and prints for each the median and the least time in microseconds. In turns, so that whatever
 * else the machine does falls on all of them alike; only their ratio is worth something.
 *
 * An alternative is one command, or several that run after each other: "A + B + C". No shell
 * between: its start would be measured too. A first word @FILE names a mount namespace for it,
 * entered before the clock starts. -p pauses 100 ms before each (what waits for a grace
 * period of the kernel shows only after an idle spell). Output goes to /dev/null.
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ALTERNATIVES 16

struct alternative {
	char **words; /* commands, divided by NULL; the last ends in two */
	int ns; /* mount namespace, -1 for ours */
	double *us;
};

static posix_spawn_file_actions_t quiet;

static double
now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
run_one(char **argv)
{
	pid_t pid;
	int status;
	int no = posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ);
	if (no)
		errx(1, "cannot run %s: %s", argv[0], strerror(no));
	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	if (status)
		errx(1, "%s %s: %s %d", argv[0], argv[1] ? argv[1] : "",
			WIFEXITED(status) ? "exit status" : "killed by signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static void
enter(int ns)
{
	if (setns(ns, CLONE_NEWNS) < 0)
		err(1, "setns");
}

/* One turn: all commands of the alternative. */
static double
turn(const struct alternative *a, bool pause)
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
	for (char **argv = a->words; *argv;) {
		run_one(argv);
		while (*argv)
			argv++;
		argv++;
	}
	double took = now_us() - start;
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
			*to++ = strcmp(*word, "+") == 0 ? NULL : *word;
		}
	}
	return n;
}

int
main(int argc, char **argv)
{
	struct alternative alt[MAX_ALTERNATIVES];
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
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
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
		printf("%.0f %.0f\n", alt[i].us[rounds / 2], alt[i].us[0]);
	}
	return 0;
}
