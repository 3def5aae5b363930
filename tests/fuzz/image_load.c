/* SPDX-License-Identifier: MIT
 * Any bytes as an archive to be loaded: no crash, bounded memory, nothing outside the store, and
 * after a failure no image in it and nothing half done.
 */
#include "base/err.h"
#include "door/undo.h"
#include "image/index.h"
#include "image/load.h"
#include "image/tar_format.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char top[] = "/dev/shm/fuzz-load-XXXXXX";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* Wrong sums are put right, every other time: nothing behind one is ever reached. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	for (size_t at = 0; seed & 1 && at + TAR_BLOCK_SIZE <= size; at += TAR_BLOCK_SIZE) {
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
	undo_remove_tree(top, NULL);
}

static void
set_up(void)
{
	static char root[64];
	if (root[0])
		return;
	if (!mkdtemp(top))
		abort();
	snprintf(root, sizeof(root), "%s/root", top);
	setenv("TACKLEBOX_ROOT", root, 1);
	atexit(remove_top);
}

/* How many names there are in a directory, dots not counted. */
static int
count(const char *dir, const char *prefix)
{
	int n = 0;
	DIR *d = opendir(dir);
	const struct dirent *e;
	while (d && (e = readdir(d)))
		n += e->d_name[strspn(e->d_name, ".")] &&
			strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	if (d)
		closedir(d);
	return n;
}

static void
check(const struct store *s, bool loaded)
{
	struct index ix;
	char tmp[PATH_MAX];
	snprintf(tmp, sizeof(tmp), "%.*s/tmp", PATH_MAX - 8, store_images(s));
	if (index_load(s, &ix) < 0 || (index_len(&ix) > 0) != loaded)
		abort();
	index_free(&ix);
	if (count(tmp, "") || count(store_layers(s), ".tmp-") || count(top, "") != 1)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loads got;
	set_up();
	int fd = memfd_create("archive", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	struct store *s = store_open();
	const struct load how = {.fd = fd, .shown = "archive"};
	if (!s || store_prepare(s) < 0)
		abort();
	bool loaded = images_load(s, &how, &got) == 0;
	if (loaded)
		undo_forget();
	else
		undo_all();
	check(s, loaded);
	loads_free(&got);
	store_close(s);
	close(fd);
	if (undo_remove_tree(getenv("TACKLEBOX_ROOT"), NULL) < 0)
		abort();
	return 0;
}
