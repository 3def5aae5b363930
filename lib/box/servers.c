/* SPDX-License-Identifier: MIT */
#include "box/servers.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/rootless.h"

#include <stdio.h>
#include <string.h>

/* Whether the line names a server, and where. */
static bool
is_server(const char *line, char where[64])
{
	char word[32];
	return sscanf(line, "%31s %63s", word, where) == 2 && strcmp(word, "nameserver") == 0;
}

static bool
on_loopback(const char *where)
{
	return strncmp(where, "127.", 4) == 0 || strcmp(where, "::1") == 0;
}

/* How many servers that leaves. */
static unsigned
add_file(const char *path, bool host, struct buf *out)
{
	auto_buf struct buf text = BUF_INIT;
	char where[64];
	unsigned n = 0;
	bool by_user = false;
	struct err before = err;
	if (file_read(path, 65536, &text) < 0)
		err = before;
	for (char *rest = text.s, *line; rest && (line = strsep(&rest, "\n"));) {
		bool server = is_server(line, where), away = server && !host && on_loopback(where);
		if (!*line || (away && (!rootless_inside() || by_user)))
			continue;
		by_user = by_user || away;
		buf_addf(out, "%s\n", away ? "nameserver " SERVERS_USER : line);
		n += server;
	}
	return n;
}

void
servers_read(bool host, struct buf *out)
{
	static const char plain[] = "/etc/resolv.conf",
			  behind[] = "/run/systemd/resolve/resolv.conf";
	auto_buf struct buf lines = BUF_INIT;
	unsigned n = add_file(plain, host, &lines);
	if (!n && !host && file_exists(behind)) {
		buf_free(&lines);
		add_file(behind, host, &lines);
	}
	buf_adds(out, buf_str(&lines));
}
