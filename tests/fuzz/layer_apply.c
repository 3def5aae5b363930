/* SPDX-License-Identifier: MIT
 * Any bytes as a layer: no crash, bounded memory, nothing outside the directory, and what was
 * unpacked can be packed and unpacked again.
 *
 * The first byte chooses how: bit 0 a plain tree, bit 1 the directory is not empty, bit 2 there is
 * a layer below.
 */
#include "base/err.h"
#include "door/bulk.h"
#include "image/layer.h"
#include "image/tar_format.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char top[] = "/dev/shm/fuzz-layer-XXXXXX";
static int top_fd = -1;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* A header with a wrong sum is refused at once: put the sums right, or nothing behind them is ever
 * reached. Every other time, so that wrong ones are tried too. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	for (size_t at = 1; seed & 1 && at + TAR_BLOCK_SIZE <= size; at += TAR_BLOCK_SIZE) {
		struct tar_header h;
		char sum[8];
		memcpy(&h, data + at, sizeof(h));
		if (memcmp(h.magic, "ustar", 5) != 0)
			continue;
		snprintf(sum, sizeof(sum), "%06o", (unsigned)tar_checksum(&h, false));
		memcpy(data + at + offsetof(struct tar_header, checksum), sum, 7);
	}
	return size;
}

static void
remove_top(void)
{
	struct bulk b = {0};
	bulk_remove(&b, AT_FDCWD, top);
}

static void
make_file(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static int
fresh_dir(const char *name)
{
	struct bulk b = {0};
	bulk_remove(&b, top_fd, name);
	if (mkdirat(top_fd, name, 0755) < 0)
		abort();
	return openat(top_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
populate(int dir)
{
	if (mkdirat(dir, "a", 0755) < 0 || symlinkat("/a", dir, "l") < 0 ||
		symlinkat("../../canary", dir, "out") < 0)
		abort();
	make_file(dir, "f", "f");
	make_file(dir, "a/b", "b");
}

static void
set_up(void)
{
	if (top_fd >= 0)
		return;
	if (!mkdtemp(top))
		abort();
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_file(top_fd, "canary", "alive");
	int lower = fresh_dir("lower");
	populate(lower);
	close(lower);
	atexit(remove_top);
}

/* What lies beside the directory is what we put there. */
static void
check_outside(void)
{
	char text[8] = "";
	int n = 0, fd = openat(top_fd, "canary", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text)) != 5 || strcmp(text, "alive") != 0)
		abort();
	close(fd);
	DIR *d = fdopendir(openat(top_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	while (readdir(d))
		n++;
	closedir(d);
	if (n > 6) /* . .. canary lower dir again */
		abort();
}

static int
gather(void *self, const void *data, size_t len)
{
	struct buf *b = self;
	if (b->len + len > 16 * 1024 * 1024)
		return err_set(ERR_NO_SPACE, NULL, "cannot gather so much");
	buf_add(b, data, len);
	return 0;
}

/* Packs the directory. Returns whether that could be done without anything left out. */
static int
pack(int dir, struct buf *out)
{
	struct layer_result r = {0};
	struct layer_diff how = {
		.dir = dir, .shown = "dir", .from = -1, .write = gather, .self = out};
	return layer_diff(&how, &r) == 0 && r.skipped == 0;
}

static void
check_round_trip(int dir)
{
	auto_buf struct buf one = BUF_INIT, two = BUF_INIT;
	if (!pack(dir, &one))
		return;
	int again = fresh_dir("again");
	struct stream_memory m = {one.s, one.len};
	struct layer_apply how = {
		.dir = again, .shown = "again", .read = stream_memory_read, .self = &m};
	struct layer_result r = {0};
	if (layer_apply(&how, &r) < 0) {
		fprintf(stderr, "%s\n", err.message);
		abort();
	}
	if (r.skipped == 0 && pack(again, &two) &&
		(one.len != two.len || memcmp(one.s, two.s, one.len) != 0))
		abort();
	close(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	set_up();
	if (!size)
		return 0;
	uint8_t choice = data[0];
	int lower = openat(top_fd, "lower", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int dir = fresh_dir("dir");
	if (choice & 2)
		populate(dir);
	struct stream_memory m = {data + 1, size - 1};
	struct layer_apply how = {
		.dir = dir,
		.shown = "dir",
		.form = choice & 1 ? LAYER_FLAT : LAYER_OVERLAY,
		.lower = &lower,
		.n_lower = choice & 4 && !(choice & 1),
		.max_bytes = 1024 * 1024,
		.max_entries = 200,
		.read = stream_memory_read,
		.self = &m,
	};
	struct layer_result r = {0};
	int ok = layer_apply(&how, &r);
	check_outside();
	if (ok < 0 && !err.message[0])
		abort();
	if (ok == 0)
		check_round_trip(dir);
	close(dir);
	close(lower);
	return 0;
}
