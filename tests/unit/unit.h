/* SPDX-License-Identifier: MIT
 * The frame of a unit test program: functions of checks, most of them over a table, and one line of
 * TAP for each function.
 *
 *	static void
 *	sizes(void)
 *	{
 *		int64_t n;
 *		CHECK(parse_size("1k", &n) == 0 && n == 1024, "1k is %lld", (long long)n);
 *	}
 *
 *	int
 *	main(void)
 *	{
 *		RUN(sizes);
 *		return unit_end();
 *	}
 */
#ifndef TACKLE_UNIT_H
#define TACKLE_UNIT_H

#include <stdio.h>
#include <string.h>

static unsigned unit_tests, unit_failed_tests, unit_failed_checks;

/* A false condition fails the function it stands in, and says what was seen. */
#define CHECK(cond, ...) \
	do { \
		if (!(cond)) { \
			unit_failed_checks++; \
			printf("# %s:%d: %s\n#   ", __FILE__, __LINE__, #cond); \
			printf(__VA_ARGS__); \
			putchar('\n'); \
		} \
	} while (0)

#define CHECK_STR(got, want) \
	CHECK(strcmp((got), (want)) == 0, "got '%s', wanted '%s'", (got), (want))

static inline void
unit_run(const char *name, void (*test)(void))
{
	unit_failed_checks = 0;
	test();
	if (unit_failed_checks)
		unit_failed_tests++;
	printf("%sok %u %s\n", unit_failed_checks ? "not " : "", ++unit_tests, name);
	fflush(stdout);
}
#define RUN(test) unit_run(#test, test)

static inline int
unit_end(void)
{
	printf("1..%u\n", unit_tests);
	return unit_failed_tests ? 1 : 0;
}

#define N_ROWS(table) (sizeof(table) / sizeof((table)[0]))

#endif
