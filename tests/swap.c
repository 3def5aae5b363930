/* SPDX-License-Identifier: MIT
 * swap A B: exchanges two names (renameat2(2), RENAME_EXCHANGE) without pause until it is killed,
 * at most 60 seconds. One of them is a directory, the other a symlink to somewhere else: whoever
 * looks at the name and then goes there is led astray now and then.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	alarm(60);
	for (;;)
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0)
			return 1;
}
