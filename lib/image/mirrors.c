/* SPDX-License-Identifier: MIT */
#include "image/mirrors.h"

#include "base/err.h"
#include "base/file.h"
#include "image/challenge.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX 65536

static void
find_file(struct buf *path)
{
	const char *given = getenv("TACKLEBOX_MIRRORS"), *config = getenv("XDG_CONFIG_HOME"),
		   *home = getenv("HOME");
	if (given) {
		buf_adds(path, given);
		return;
	}
	if (config && *config)
		path_join(path, config, "tacklebox/mirrors");
	else if (home && *home)
		path_join(path, home, ".config/tacklebox/mirrors");
	if (path->len && file_exists(path->s))
		return;
	buf_reset(path);
	if (file_exists("/etc/tacklebox/mirrors"))
		buf_adds(path, "/etc/tacklebox/mirrors");
}

static int
add(struct mirrors *m, const char *path, const char *url)
{
	char host[256];
	if (!url_host(url, host, sizeof(host)))
		return err_set(
			ERR_INVALID, path, "%s: '%.100s' is no http or https URL", path, url);
	m->urls = reallocarray(m->urls, m->n + 1, sizeof(*m->urls));
	if (!m->urls)
		abort();
	m->urls[m->n++] = str_new(url);
	return 0;
}

static int
read_line(char *line, const char *path, const char *host, struct mirrors *m)
{
	static const char blank[] = " \t\r";
	char *save, *word;
	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, blank, &save);
	if (!word || strcmp(word, host) != 0)
		return 0;
	while ((word = strtok_r(NULL, blank, &save)))
		if (add(m, path, word) < 0)
			return -1;
	return 0;
}

int
mirrors_of(const char *host, struct mirrors *m)
{
	auto_buf struct buf path = BUF_INIT, text = BUF_INIT;
	char *save;
	*m = (struct mirrors){0};
	find_file(&path);
	if (!path.len)
		return 0;
	if (file_read(path.s, FILE_MAX, &text) < 0)
		return -1;
	for (char *line = text.len ? strtok_r(text.s, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save))
		if (read_line(line, path.s, host, m) < 0) {
			mirrors_free(m);
			return -1;
		}
	return 0;
}

void
mirrors_free(struct mirrors *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->urls[i]);
	free(m->urls);
	*m = (struct mirrors){0};
}
