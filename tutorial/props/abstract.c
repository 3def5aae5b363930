/* SPDX-License-Identifier: MIT
 * abstract serve NAME TEXT: says TEXT to whoever connects to the abstract socket @NAME.
 * abstract ask NAME: connects to it and prints what it says.
 * Such a socket (D-Bus had one) is no file: it belongs to the network namespace (unix(7)).
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char text[256];
	if (argc < 3 || (strcmp(argv[1], "serve") == 0 && argc < 4))
		return 2;
	snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "%s", argv[2]);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(argv[2]));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (strcmp(argv[1], "serve") == 0) {
		if (bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 5) < 0)
			return 1;
		for (int other; (other = accept(fd, NULL, NULL)) >= 0; close(other))
			if (write(other, argv[3], strlen(argv[3])) < 0)
				return 1;
		return 1;
	}
	if (connect(fd, (struct sockaddr *)&at, len) < 0) {
		perror("connect");
		return 1;
	}
	ssize_t n = read(fd, text, sizeof(text) - 1);
	printf("%.*s\n", n > 0 ? (int)n : 0, text);
	return 0;
}
