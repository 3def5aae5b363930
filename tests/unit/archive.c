/* SPDX-License-Identifier: MIT
 * What a save archive says of itself, what its members are taken for, and which layers are mounted.
 */
#include "unit.h"

#include "base/err.h"
#include "image/archive.h"
#include "image/mounted.h"

static void
names(void)
{
	static const struct {
		const char *name, *of, *want;
	} rows[] = {
		{"a/b", NULL, "a/b"},
		{"./a//b/", NULL, "a/b"},
		{"/a/./b", NULL, "a/b"},
		{"a/../b", NULL, "b"},
		{"../../a", NULL, "a"},
		{".", NULL, ""},
		{"", NULL, ""},
		{"..", "a/b", ""},
		{"../x/layer.tar", "y/layer.tar", "x/layer.tar"},
		{"x", "y/layer.tar", "y/x"},
		{"x", "top", "x"},
		{"/x", "y/layer.tar", "x"},
		{"../../../etc/passwd", "y/layer.tar", "etc/passwd"},
		{"..a/...", NULL, "..a/..."},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_buf struct buf b = BUF_INIT;
		archive_name(rows[i].name, rows[i].of, &b);
		CHECK_STR(buf_str(&b), rows[i].want);
		/* Behind what the buffer held, and never into it. */
		buf_reset(&b);
		buf_adds(&b, "p/q:");
		archive_name(rows[i].name, rows[i].of, &b);
		CHECK_STR(b.s + 4, rows[i].want);
	}
}

static void
manifests(void)
{
	static const char text[] =
		"[{\"Config\":\"./c.json\",\"RepoTags\":[\"a:1\",\"h:5/b:2\"],\"Layers\":[\"1.tar\","
		"\"x/layer.tar\"]},{\"Config\":\"d\",\"RepoTags\":null,\"Layers\":[\"blobs/sha256/7\"]}]";
	struct archive_images a;
	auto_buf struct buf out = BUF_INIT, old = BUF_INIT;
	CHECK(archive_read_manifest("m", text, strlen(text), &a) == 0, "%s", err.message);
	CHECK(a.n == 2 && a.v[0].n_layers == 2 && a.v[0].n_tags == 2 && a.v[1].n_tags == 0, "%zu",
		a.n);
	CHECK_STR(a.v[0].config, "c.json");
	CHECK_STR(a.v[0].layers[1], "x/layer.tar");
	archive_write_manifest(&a, &out);
	CHECK_STR(out.s,
		"[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\",\"h:5/b:2\"],\"Layers\":[\"1.tar\","
		"\"x/layer.tar\"]},{\"Config\":\"d\",\"RepoTags\":null,\"Layers\":[\"blobs/sha256/"
		"7\"]}]\n");
	archive_write_repositories(&a, &old);
	CHECK_STR(old.s, "{\"a\":{\"1\":\"x\"},\"h:5/b\":{\"2\":\"x\"}}\n");
	archive_images_free(&a);
}

static void
refusals(void)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"{}", "m: is not a list"},
		{"[", "cannot read m: "},
		{"[7]", "m: [0] is not an object"},
		{"[{}]", "m: [0].Config is missing"},
		{"[{\"Config\":7}]", "m: [0].Config is not a string"},
		{"[{\"Config\":\"c\",\"Layers\":{}}]", "m: [0].Layers is not a list"},
		{"[{\"Config\":\"c\",\"Layers\":[null]}]", "m: [0].Layers[0] is missing"},
		{"[{\"Config\":\"c\",\"RepoTags\":[1]}]", "m: [0].RepoTags[0] is not a string"},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct archive_images a;
		CHECK(archive_read_manifest("m", rows[i].text, strlen(rows[i].text), &a) < 0, "%s",
			rows[i].text);
		CHECK(strncmp(err.message, rows[i].message, strlen(rows[i].message)) == 0, "%s: %s",
			rows[i].text, err.message);
		CHECK(a.n == 0 && !a.v, "something is left of %s", rows[i].text);
	}
}

static void
kinds(void)
{
	unsigned char block[1024] = {0};
	CHECK(archive_kind(block, sizeof(block)) == ARCHIVE_TAR, "an empty tar");
	CHECK(archive_kind(block, 511) == ARCHIVE_OTHER, "less than a block");
	CHECK(archive_kind("\x1f\x8b\x08", 3) == ARCHIVE_TAR, "gzip");
	CHECK(archive_kind("\x28\xb5\x2f\xfd", 4) == ARCHIVE_TAR, "zstd");
	CHECK(archive_kind(" \n{\"a\"", 6) == ARCHIVE_JSON, "an object");
	CHECK(archive_kind("[]", 2) == ARCHIVE_JSON, "a list");
	CHECK(archive_kind("1.0", 3) == ARCHIVE_OTHER, "VERSION");
	CHECK(archive_kind("", 0) == ARCHIVE_OTHER, "nothing");
	/* A tar whose first name looks like JSON. */
	memcpy(block, "{", 1);
	memcpy(block + 148, "000543 ", 7);
	CHECK(archive_kind(block, sizeof(block)) == ARCHIVE_JSON, "a wrong sum");
	memcpy(block + 148, "000573\0 ", 8);
	CHECK(archive_kind(block, sizeof(block)) == ARCHIVE_TAR, "the right sum");
}

/* Layers named in mount tables: as overlay says them on newer and older kernels, as the root of a
 * bind mount; and an overlay of ours that does not name them. */
static void
mounts(void)
{
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	static const struct {
		const char *line;
		bool all;
		size_t n;
	} rows[] = {
		{"1 2 0:4 / /m rw - overlay tacklebox rw,lowerdir+=/l/" HEX ",upperdir=/u\n", true,
			1},
		{"1 2 0:4 / /m rw - overlay tacklebox rw,lowerdir=/l/" HEX ":/l/" HEX "a\n", true,
			1},
		{"1 2 0:4 /l/" HEX " /m ro - tmpfs tmpfs rw\n", true, 1},
		{"1 2 0:4 / /m rw - overlay tacklebox rw,lowerdir=7:8:9\n", false, 0},
		{"1 2 0:4 / /m rw - overlay other rw,lowerdir=7:8:9\n", true, 0},
		{"1 2 0:4 / /m rw - overlay tacklebox rw,lowerdir=7\n3 1 0:5 /" HEX
		 " / rw - x y z\n",
			false, 1},
		{"1 2 0:4 / /m rw - overlay tacklebox rw,lowerdir", false, 0},
		{"1 2 0:4 / /m rw - overlay tacklebox rw,lowerdir\n3 1 0:5 / /a=/b rw - x y z\n",
			false, 0},
		{"", true, 0},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct names set = {0};
		CHECK(mounted_in(rows[i].line, &set) == rows[i].all, "%s", rows[i].line);
		CHECK(set.n == rows[i].n, "%zu: %s", set.n, rows[i].line);
		CHECK(!set.n || names_find(&set, HEX, 64) == 0, "%s", rows[i].line);
		names_free(&set);
	}
}

int
main(void)
{
	RUN(names);
	RUN(manifests);
	RUN(refusals);
	RUN(kinds);
	RUN(mounts);
	return unit_end();
}
