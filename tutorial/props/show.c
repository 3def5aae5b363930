/* SPDX-License-Identifier: MIT
 * Says what a process was given: open files, variables, words.
 */
#include <dirent.h>
#include <stdio.h>

extern char **environ;

static const char *
many(int n)
{
	return n == 1 ? "" : "s";
}

int
main(int argc, char **argv)
{
	int files = 0, variables = 0;
	DIR *dir = opendir("/proc/self/fd");
	for (struct dirent *d; dir && (d = readdir(dir));)
		files += d->d_name[0] != '.';
	files--; /* the directory that we are reading */
	while (environ[variables])
		variables++;
	printf("%d open file%s, %d variable%s, %d word%s:", files, many(files), variables,
		many(variables), argc, many(argc));
	for (int i = 0; i < argc; i++)
		printf(" %s", argv[i]);
	puts("");
	return 0;
}
