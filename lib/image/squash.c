/* SPDX-License-Identifier: MIT
 * Squashing, the whole: reads, decides, and writes the new archive in the form of the old one.
 */
#include "image/squash.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "image/ref.h"
#include "image/sha256.h"
#include "image/squash_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe this large lets the reader work while we do. */
#define PIPE_SIZE (1024 * 1024)

struct squashing {
	const struct squash *how;
	struct stream_fd *to;
	struct squash_archive in;
	struct squash_plan plan;
	struct squash_check *check;
	/* The new layer, and the documents. */
	char diff_id[DIGEST_SIZE];
	struct sha256 *sum;
	int64_t size;
	char id[DIGEST_SIZE], manifest_digest[DIGEST_SIZE];
	struct buf config, manifest;
	/* The new archive. */
	struct archive_image image; /* as manifest.json has it */
	struct names written;
	struct tar_writer tar;
};

/* ---- the archive that comes in ---- */

/* What comes by a pipe or compressed, as a plain file that ends with us. */
static int
spool(struct squashing *s, int *fd)
{
	struct stream_fd from = {.fd = s->how->fd, .shown = s->how->shown};
	struct stream_fd file = {.fd = *fd, .shown = "the temporary file"};
	struct stream *in = stream_open(stream_fd_read, &from);
	const void *data;
	ssize_t n;
	int r = 0;
	while (r == 0 && (n = stream_read(in, &data)) != 0)
		r = n < 0 ? -1 : stream_fd_write(&file, data, (size_t)n);
	stream_close(in);
	stream_fd_free(&from);
	s->in.fd = *fd;
	s->in.start = 0;
	s->in.end = (int64_t)file.total;
	return r;
}

/* Whether the input is a plain file: read where it lies, from where it stands. */
static bool
in_place(struct squashing *s)
{
	struct stat sb;
	char head[8];
	int fd = s->how->fd;
	off_t at = lseek(fd, 0, SEEK_CUR);
	if (at < 0 || fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode))
		return false;
	ssize_t n = pread(fd, head, sizeof(head), at);
	s->in.fd = fd;
	s->in.start = at;
	s->in.end = sb.st_size;
	return n >= 0 && !stream_packed(head, (size_t)n);
}

/* ---- the documents ---- */

static char *
layer_name(const struct squashing *s)
{
	if (s->in.oci)
		return fmt_new(ARCHIVE_BLOBS "%s", digest_hex(s->diff_id));
	return fmt_new("%s/layer.tar", digest_hex(s->diff_id));
}

/* A layer that stays, as a blob; in an archive without a layout its digest is not needed. */
static int
describe(const struct squashing *s, size_t i, struct descriptor *d)
{
	const struct squash_layer *l = &s->in.layer[i];
	const char *name = names_at(&s->in.names, l->member);
	*d = (struct descriptor){.size = s->in.member[l->member].size};
	snprintf(d->media_type, sizeof(d->media_type), "%s", l->media_type);
	if (strncmp(name, ARCHIVE_BLOBS, strlen(ARCHIVE_BLOBS)) == 0)
		snprintf(d->digest, DIGEST_SIZE, DIGEST_PREFIX "%.*s", DIGEST_HEX,
			name + strlen(ARCHIVE_BLOBS));
	return s->in.oci ? digest_check(name, d->digest) : 0;
}

static int
make_documents(struct squashing *s)
{
	size_t keep = s->in.keep;
	struct manifest m = {.n = keep + 1};
	int r = squash_config(&s->in, s->how, s->diff_id, &s->config);
	m.layers = calloc(m.n, sizeof(*m.layers));
	s->image.layers = calloc(m.n, sizeof(*s->image.layers));
	if (!m.layers || !s->image.layers)
		abort();
	for (size_t i = 0; i < keep && r == 0; i++) {
		r = describe(s, i, &m.layers[i]);
		s->image.layers[s->image.n_layers++] =
			str_new(names_at(&s->in.names, s->in.layer[i].member));
	}
	struct descriptor *d = &m.layers[keep];
	memcpy(d->digest, s->diff_id, DIGEST_SIZE);
	d->size = s->size;
	snprintf(d->media_type, sizeof(d->media_type), "%s", MEDIA_OCI_LAYER);
	s->image.layers[s->image.n_layers++] = layer_name(s);
	sha256_of(buf_str(&s->config), s->config.len, s->id);
	memcpy(m.config.digest, s->id, DIGEST_SIZE);
	m.config.size = (int64_t)s->config.len;
	s->image.config = s->in.oci ? fmt_new(ARCHIVE_BLOBS "%s", digest_hex(s->id))
				    : fmt_new("%s.json", digest_hex(s->id));
	if (r == 0)
		manifest_to_oci(&m, &s->manifest);
	sha256_of(buf_str(&s->manifest), s->manifest.len, s->manifest_digest);
	free(m.layers);
	return r;
}

static void
add_index(const struct squashing *s, struct buf *out)
{
	buf_addf(out,
		"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX
		"\",\"manifests\":[{\"mediaType\":\"" MEDIA_OCI_MANIFEST
		"\",\"digest\":\"%s\",\"size\":%zu",
		s->manifest_digest, s->manifest.len);
	if (s->how->name) {
		buf_adds(out, ",\"annotations\":{\"" ANNOTATION_CONTAINERD "\":");
		buf_add_json(out, s->how->name);
		buf_adds(out, ",\"" ANNOTATION_NAME "\":");
		buf_add_json(out, s->how->name);
		buf_addc(out, '}');
	}
	buf_adds(out, "}]}");
}

static void
set_tag(struct squashing *s)
{
	struct ref r;
	struct buf tag = BUF_INIT;
	if (!s->how->name || ref_parse_name(s->how->name, &r) < 0)
		return;
	ref_familiar(&r, &tag);
	s->image.tags = calloc(1, sizeof(*s->image.tags));
	if (!s->image.tags)
		abort();
	s->image.tags[s->image.n_tags++] = buf_take(&tag);
}

/* ---- the archive that goes out ---- */

/* Begins a member, unless it is there: an image may have a layer twice. 1: its content follows. */
static int
begin(struct squashing *s, const char *name, int64_t size)
{
	const struct tar_entry e = {.type = TAR_FILE, .name = name, .mode = 0644, .size = size};
	int is_new;
	if (names_add(&s->written, name, strlen(name), &is_new) < 0)
		return err_sys("save", name, "cannot remember %s", name);
	if (!is_new)
		return 0;
	return tar_write_entry(&s->tar, &e, NULL) < 0 ? -1 : 1;
}

static int
add_text(struct squashing *s, const char *name, const struct buf *text)
{
	int r = begin(s, name, (int64_t)text->len);
	if (r <= 0)
		return r;
	return tar_write_data(&s->tar, buf_str(text), text->len) < 0 ? -1
								     : tar_write_padding(&s->tar);
}

static int
add_documents(struct squashing *s)
{
	auto_buf struct buf layout = BUF_INIT, index = BUF_INIT, list = BUF_INIT, names = BUF_INIT;
	const struct archive_images all = {.v = &s->image, .n = 1};
	auto_free char *manifest = fmt_new(ARCHIVE_BLOBS "%s", digest_hex(s->manifest_digest));
	set_tag(s);
	buf_adds(&layout, "{\"imageLayoutVersion\":\"1.0.0\"}");
	add_index(s, &index);
	archive_write_manifest(&all, &list);
	archive_write_repositories(&all, &names);
	if (s->in.oci &&
		(add_text(s, ARCHIVE_LAYOUT, &layout) < 0 ||
			add_text(s, ARCHIVE_INDEX, &index) < 0))
		return -1;
	if (s->in.docker &&
		(add_text(s, ARCHIVE_MANIFEST, &list) < 0 ||
			add_text(s, ARCHIVE_REPOSITORIES, &names) < 0))
		return -1;
	if (s->in.oci && add_text(s, manifest, &s->manifest) < 0)
		return -1;
	return add_text(s, s->image.config, &s->config);
}

/* Without a way through our memory, where the kernel can; -1 with errno set. */
static ssize_t
send_some(int to, int from, int64_t *at, size_t n)
{
	static char piece[64 * 1024];
	off_t off = *at;
	ssize_t done = sendfile(to, from, &off, n);
	if (done < 0 && (errno == EINVAL || errno == ENOSYS)) {
		done = pread(from, piece, n < sizeof(piece) ? n : sizeof(piece), *at);
		if (done > 0)
			done = write(to, piece, (size_t)done);
	}
	*at += done > 0 ? done : 0;
	return done;
}

static int
copy_member(struct squashing *s, const struct squash_member *m)
{
	int64_t at = m->at;
	if (tar_write_around(&s->tar, (uint64_t)m->size) < 0)
		return -1;
	while (at < m->at + m->size) {
		ssize_t n = send_some(s->to->fd, s->in.fd, &at, (size_t)(m->at + m->size - at));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(
				"sendfile", s->to->shown, "cannot write to %s", s->to->shown);
		if (n == 0)
			return err_set(ERR_INTERNAL, s->in.shown, "%s has become shorter meanwhile",
				s->in.shown);
		s->to->total += (uint64_t)n;
	}
	return tar_write_padding(&s->tar);
}

static int
add_kept(struct squashing *s)
{
	for (size_t i = 0; i < s->in.keep; i++) {
		const struct squash_member *m = &s->in.member[s->in.layer[i].member];
		int r = begin(s, s->image.layers[i], m->size);
		if (r < 0 || (r > 0 && copy_member(s, m) < 0))
			return -1;
	}
	return 0;
}

static int
sum_write(void *self, const void *data, size_t len)
{
	struct squashing *s = self;
	sha256_add(s->sum, data, len);
	return 0;
}

/* The first time the new layer is written only to its hash: the archive says its name and size
 * before its content. */
static int
measure(struct squashing *s)
{
	struct tar_writer w = {.write = sum_write, .self = s};
	s->sum = sha256_new();
	int r = squash_write_layer(&s->plan, &w);
	sha256_take(s->sum, s->diff_id);
	sha256_free(s->sum);
	s->size = (int64_t)w.total;
	tar_writer_free(&w);
	return r;
}

static int
through_write(void *self, const void *data, size_t len)
{
	struct squashing *s = self;
	return tar_write_data(&s->tar, data, len);
}

static int
add_merged(struct squashing *s)
{
	struct tar_writer w = {.write = through_write, .self = s};
	int r = begin(s, s->image.layers[s->in.keep], s->size);
	if (r <= 0)
		return r;
	r = squash_write_layer(&s->plan, &w);
	if (r == 0 && w.total != (uint64_t)s->size)
		r = err_set(ERR_INTERNAL, s->in.shown, "%s has changed meanwhile", s->in.shown);
	tar_writer_free(&w);
	return r < 0 ? -1 : tar_write_padding(&s->tar);
}

static int
write_archive(struct squashing *s)
{
	s->tar = (struct tar_writer){.write = stream_fd_write, .self = s->to};
	fcntl(s->to->fd, F_SETPIPE_SZ, PIPE_SIZE);
	int r = add_documents(s) < 0 || add_kept(s) < 0 ? -1 : 0;
	/* What becomes of damaged layers must never be complete. */
	struct err before = err;
	int checked = squash_check_end(s->check);
	s->check = NULL;
	if (r < 0)
		err = before;
	if (r < 0 || checked < 0)
		return -1;
	return add_merged(s) < 0 ? -1 : tar_write_end(&s->tar);
}

/* ---- the steps ---- */

static int
decide(struct squashing *s)
{
	if (squash_read(&s->in) < 0 || squash_choose(&s->in, s->how->from) < 0)
		return -1;
	if (!(s->check = squash_check_begin(&s->in)))
		return -1;
	s->plan.a = &s->in;
	if (squash_plan(&s->plan) < 0 || measure(s) < 0)
		return -1;
	return make_documents(s);
}

/* One step: what `work` does, and what a shell would do instead. */
static int
step_of(struct squashing *s, const char *name, const char *why, const char *shell,
	int (*work)(struct squashing *s))
{
	struct step st;
	bool failed = false;
	if (step_open(&st, name, why)) {
		failed = work(s) < 0;
		errno = err.no ? err.no : EBADMSG;
		step_result(&st, failed ? -1 : 0);
	}
	if (step_told(&st)) {
		step_call(&st, "%s(%s)", name, s->how->shown);
		step_shell(&st, "%s", shell);
	}
	if (step_close(&st) < 0 && !failed)
		return err_sys(name, s->how->shown, "cannot squash %s", s->how->shown);
	return failed ? -1 : 0;
}

static void
report(const struct squashing *s, struct squashed *r)
{
	*r = (struct squashed){
		.layers_before = s->in.img.n, .layers_after = s->in.keep + 1, .after = s->size};
	memcpy(r->id, s->id, DIGEST_SIZE);
	for (size_t i = 0; i < s->in.img.n; i++) {
		int64_t size = s->in.member[s->in.layer[i].member].size;
		r->before += size;
		r->after += i < s->in.keep ? size : 0;
	}
}

static void
clean_up(struct squashing *s)
{
	struct err before = err;
	if (s->check)
		squash_check_end(s->check);
	err = before;
	struct archive_images all = {.v = malloc(sizeof(s->image)), .n = 1};
	if (all.v) {
		all.v[0] = s->image;
		archive_images_free(&all);
	}
	squash_plan_free(&s->plan);
	squash_archive_free(&s->in);
	names_free(&s->written);
	tar_writer_free(&s->tar);
	buf_free(&s->config);
	buf_free(&s->manifest);
}

int
squash(const struct squash *how, struct stream_fd *to, struct squashed *r)
{
	struct squashing s = {.how = how, .to = to, .in = {.shown = how->shown}};
	auto_fd int fd = -1;
	int ok = 0;
	if (!in_place(&s)) {
		ok = sys_spool(
			"what comes by a pipe or compressed is kept in a file without a name", &fd);
		if (ok == 0 && !step_dry())
			ok = spool(&s, &fd);
	}
	if (ok == 0)
		ok = step_of(&s, "squash",
			"decide by the headers alone what of the merged layers stays, and hash it",
			"mkdir in out && tar -x -C in && for l in $(jq -r '.[0].Layers[1:][]' "
			"in/manifest.json); do tar -x -C out -f in/$l; "
			"find out -name '.wh.*' -execdir sh -c 'rm -rf \"./${1#./.wh.}\" \"$1\"' sh {} "
			"';'; done; sha256sum in/*/layer.tar",
			decide);
	if (ok == 0)
		ok = step_of(&s, "save",
			"documents, the layers that stay as they are, and the new one last",
			"tar -c -C out . >in/new.tar; jq '.rootfs.diff_ids = .rootfs.diff_ids[:1] + "
			"[$new]' --arg new \"sha256:$(sha256sum <in/new.tar | cut -d' ' -f1)\" "
			"in/*.json; tar -c -C in .",
			write_archive);
	if (ok == 0 && !step_dry())
		report(&s, r);
	clean_up(&s);
	return ok;
}
