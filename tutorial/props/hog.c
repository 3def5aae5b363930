/* SPDX-License-Identifier: MIT
 * hog MB [MORE]: takes MB megabytes of memory one by one and says so; with MORE, waits for a line
 * on its input and then takes MORE megabytes. The talk's eat_all_ram(), made to run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
take(int mb, const char *sign)
{
	for (int i = 1; i <= mb; i++) {
		char *p = malloc(1 << 20);
		if (!p)
			exit(1);
		memset(p, i, 1 << 20);
		printf("%s%d MB\n", sign, i);
		fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	take(argc > 1 ? atoi(argv[1]) : 64, "");
	if (argc > 2 && getchar() != EOF)
		take(atoi(argv[2]), "+");
	return 0;
}
