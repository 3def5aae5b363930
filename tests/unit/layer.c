/* SPDX-License-Identifier: MIT
 * A symlink that a tar makes and then writes through: followed below the directory, or refused.
 */
#include "unit.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/undo.h"
#include "image/layer.h"
#include "image/tar_write.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/unit-layer-XXXXXX";

static int
add_to(void *self, const void *data, size_t len)
{
	buf_add(self, data, len);
	return 0;
}

/* One entry a row: of a file the content, of a link where it leads. */
struct row {
	enum tar_type type;
	const char *name, *text;
};

static void
write_tar(const struct row *rows, size_t n, struct buf *out)
{
	struct tar_writer w = {.write = add_to, .self = out};
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		bool file = r->type == TAR_FILE;
		struct tar_entry e = {.type = r->type,
			.name = r->name,
			.link = file ? NULL : r->text,
			.mode = 0755,
			.uid = getuid(),
			.gid = getgid(),
			.size = file ? (int64_t)strlen(r->text) : 0};
		tar_write_entry(&w, &e, NULL);
		if (file) {
			tar_write_data(&w, r->text, strlen(r->text));
			tar_write_padding(&w);
		}
	}
	tar_write_end(&w);
	tar_writer_free(&w);
}

/* What the tar makes of a new directory, of which *dir is left open. */
static int
apply(const struct row *rows, size_t n, bool no_links, int *dir)
{
	auto_buf struct buf tar = BUF_INIT;
	struct layer_result r = {0};
	undo_remove_tree(top, NULL);
	mkdir(top, 0700);
	*dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(*dir, ".ssh", 0700);
	write_tar(rows, n, &tar);
	struct stream_memory in = {tar.s, tar.len};
	const struct layer_apply how = {.dir = *dir,
		.shown = "top",
		.form = LAYER_FLAT,
		.literal = true,
		.no_links = no_links,
		.is_plain = true,
		.read = stream_memory_read,
		.self = &in};
	err_clear();
	return layer_apply(&how, &r);
}

static bool
is_there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
through_a_link(void)
{
	static const struct row file[] = {{TAR_DIR, "data", NULL},
		{TAR_SYMLINK, "data/p", "../.ssh"}, {TAR_FILE, "data/p/authorized_keys", "bad"}};
	static const struct row deep[] = {{TAR_DIR, "data", NULL},
		{TAR_SYMLINK, "data/p", "../.ssh"}, {TAR_FILE, "data/p/new/file", "bad"}};
	static const struct row hard[] = {{TAR_DIR, "data", NULL}, {TAR_FILE, ".ssh/key", "mine"},
		{TAR_SYMLINK, "data/p", "../.ssh"}, {TAR_LINK, "data/out", "data/p/key"}};
	static const struct {
		const struct row *rows;
		size_t n;
		const char *made;
	} tars[] = {
		{file, N_ROWS(file), ".ssh/authorized_keys"},
		{deep, N_ROWS(deep), ".ssh/new/file"},
		{hard, N_ROWS(hard), "data/out"},
	};
	for (size_t i = 0; i < N_ROWS(tars); i++) {
		auto_fd int dir = -1;
		CHECK(apply(tars[i].rows, tars[i].n, false, &dir) == 0, "%s", err.message);
		CHECK(is_there(dir, tars[i].made), "%s", tars[i].made);
		close(take_fd(&dir));
		CHECK(apply(tars[i].rows, tars[i].n, true, &dir) < 0, "%s", tars[i].made);
		CHECK(!is_there(dir, tars[i].made), "%s", tars[i].made);
		CHECK(strstr(err.message, tars[i].rows[tars[i].n - 1].name), "%s", err.message);
	}
}

/* A link gives way to a directory of its name, and a directory to a link. */
static void
one_after_the_other(void)
{
	static const struct row rows[] = {{TAR_DIR, "data", NULL}, {TAR_DIR, "data/d", NULL},
		{TAR_FILE, "data/d/a", "a"}, {TAR_SYMLINK, "data/d", "../.ssh"},
		{TAR_DIR, "data/d", NULL}, {TAR_FILE, "data/d/b", "b"},
		{TAR_LINK, "data/d/c", "data/d/b"}, {TAR_SYMLINK, "data/end", "../.ssh"}};
	auto_fd int dir = -1;
	CHECK(apply(rows, N_ROWS(rows), true, &dir) == 0, "%s", err.message);
	CHECK(is_there(dir, "data/d/b") && is_there(dir, "data/d/c") && is_there(dir, "data/end"),
		"not all is there");
	CHECK(!is_there(dir, "data/d/a") && !is_there(dir, ".ssh/b"), "more is there");
}

int
main(void)
{
	if (!mkdtemp(top))
		return 1;
	RUN(through_a_link);
	RUN(one_after_the_other);
	undo_remove_tree(top, NULL);
	return unit_end();
}
