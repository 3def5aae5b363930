/* SPDX-License-Identifier: MIT */
#include "image/save.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/archive.h"
#include "image/names.h"
#include "image/ref.h"
#include "image/tar_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct saving {
	const struct store *s;
	enum save_form form;
	struct tar_writer tar;
	struct archive_images list;
	struct names written; /* members that are there already */
	struct buf index; /* the entries of index.json */
};

/* Begins a member, unless it is there. 1: its content is to follow. */
static int
begin(struct saving *w, const char *name, int64_t size)
{
	const struct tar_entry e = {.type = TAR_FILE, .name = name, .mode = 0644, .size = size};
	int is_new;
	if (names_add(&w->written, name, strlen(name), &is_new) < 0)
		return err_sys("save", name, "cannot remember %s", name);
	if (!is_new)
		return 0;
	return tar_write_entry(&w->tar, &e, NULL) < 0 ? -1 : 1;
}

static int
add_text(struct saving *w, const char *name, const void *text, size_t len)
{
	int r = begin(w, name, (int64_t)len);
	if (r <= 0)
		return r;
	return tar_write_data(&w->tar, text, len) < 0 ? -1 : tar_write_padding(&w->tar);
}

/* A config or manifest, read with its digest checked. */
static int
add_document(struct saving *w, const char *name, const char *digest)
{
	auto_buf struct buf text = BUF_INIT;
	return store_get(w->s, digest, &text) < 0 ? -1
						  : add_text(w, name, buf_str(&text), text.len);
}

/* Exactly as many bytes as the header says. */
static int
copy(struct saving *w, const char *name, stream_read_fn *read, void *self, int64_t size)
{
	const void *data;
	ssize_t n;
	while ((n = read(self, &data)) > 0) {
		if ((size -= n) < 0)
			break;
		if (tar_write_data(&w->tar, data, (size_t)n) < 0)
			return -1;
	}
	if (n < 0)
		return -1;
	if (size != 0)
		return err_set(
			ERR_INTERNAL, name, "cannot save %s: it has another size by now", name);
	return tar_write_padding(&w->tar);
}

/* Opens a layer's blob, of which a damaged store may have another size. */
static int
open_blob(const struct saving *w, const struct descriptor *d, struct stream_fd *f, char *path)
{
	struct stat sb;
	if (store_blob_path(w->s, d->digest, path) < 0)
		return -1;
	*f = (struct stream_fd){.fd = open(path, O_RDONLY | O_CLOEXEC), .shown = path};
	if (f->fd < 0 || fstat(f->fd, &sb) < 0) {
		err_sys("open", path, "cannot open %s", path);
		return err_hint("the store lacks this layer: pull or import the image again");
	}
	if (sb.st_size == d->size)
		return 0;
	return err_set(ERR_INTERNAL, path, "blob %s is damaged: it has %lld bytes, not %lld",
		d->digest, (long long)sb.st_size, (long long)d->size);
}

static int
add_blob(struct saving *w, const char *name, const struct descriptor *d)
{
	char path[PATH_MAX];
	struct stream_fd f = {.fd = -1};
	int r = open_blob(w, d, &f, path);
	if (r == 0 && (r = begin(w, name, d->size)) > 0)
		r = copy(w, name, stream_fd_read, &f, d->size);
	stream_fd_free(&f);
	if (f.fd >= 0)
		close(f.fd);
	return r;
}

/* How long the plain tar is: a header needs that before the content comes. */
static int64_t
plain_size(const struct saving *w, const struct image_layer *l)
{
	char path[PATH_MAX];
	struct stream_fd f = {.fd = -1};
	const void *data;
	int64_t total = 0;
	ssize_t n = open_blob(w, &l->blob, &f, path);
	struct stream *in = stream_open(stream_fd_read, &f);
	if (n == 0)
		while ((n = stream_read(in, &data)) > 0)
			total += n;
	stream_close(in);
	stream_fd_free(&f);
	if (f.fd >= 0)
		close(f.fd);
	return n < 0 ? -1 : total;
}

static int
add_plain(struct saving *w, const char *name, const struct image_layer *l)
{
	char path[PATH_MAX];
	struct stream_fd f = {.fd = -1};
	if (strcmp(l->blob.digest, l->diff_id) == 0)
		return add_blob(w, name, &l->blob);
	int64_t size = plain_size(w, l);
	if (size < 0)
		return err_prefix("layer %s", l->blob.digest);
	int r = open_blob(w, &l->blob, &f, path);
	struct stream *in = stream_open(stream_fd_read, &f);
	if (r == 0 && (r = begin(w, name, size)) > 0)
		r = copy(w, name, stream_read, in, size);
	stream_close(in);
	stream_fd_free(&f);
	if (f.fd >= 0)
		close(f.fd);
	return r;
}

static char *
config_name(const struct saving *w, const struct image *img)
{
	if (w->form == SAVE_DOCKER_OLD)
		return fmt_new("%s.json", digest_hex(img->id));
	return fmt_new(ARCHIVE_BLOBS "%s", digest_hex(img->id));
}

static char *
layer_name(const struct saving *w, const struct image_layer *l)
{
	if (w->form == SAVE_DOCKER_OLD)
		return fmt_new("%s/layer.tar", digest_hex(l->diff_id));
	return fmt_new(ARCHIVE_BLOBS "%s", digest_hex(l->blob.digest));
}

/* The image's entry in manifest.json; the same image under another name shares one. */
static struct archive_image *
listed(struct saving *w, const struct image *img)
{
	char *config = config_name(w, img);
	for (size_t i = 0; i < w->list.n; i++)
		if (strcmp(w->list.v[i].config, config) == 0) {
			free(config);
			return &w->list.v[i];
		}
	struct archive_image *a = &w->list.v[w->list.n++];
	*a = (struct archive_image){.config = config, .n_layers = img->n};
	a->layers = calloc(img->n + 1, sizeof(*a->layers));
	if (!a->layers)
		abort();
	for (size_t i = 0; i < img->n; i++)
		a->layers[i] = layer_name(w, &img->layers[i]);
	return a;
}

/* Notes the name in manifest.json. A name by digest is none that an archive could give. */
static void
note_tag(struct archive_image *a, const char *name)
{
	struct ref r;
	struct buf tag = BUF_INIT;
	struct err before = err;
	if (!name || ref_parse_name(name, &r) < 0 || r.digest[0]) {
		err = before;
		return;
	}
	ref_familiar(&r, &tag);
	for (size_t i = 0; i < a->n_tags; i++)
		if (strcmp(a->tags[i], tag.s) == 0) {
			buf_free(&tag);
			return;
		}
	a->tags = realloc(a->tags, (a->n_tags + 1) * sizeof(*a->tags));
	if (!a->tags)
		abort();
	a->tags[a->n_tags++] = buf_take(&tag);
}

static void
note_entry(struct saving *w, const struct save_image *one, size_t size)
{
	buf_addf(&w->index,
		"%s{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":%zu",
		w->index.len ? "," : "", one->img.digest, size);
	if (one->name) {
		buf_adds(&w->index, ",\"annotations\":{\"" ANNOTATION_CONTAINERD "\":");
		buf_add_json(&w->index, one->name);
		buf_adds(&w->index, ",\"" ANNOTATION_NAME "\":");
		buf_add_json(&w->index, one->name);
		buf_addc(&w->index, '}');
	}
	buf_addc(&w->index, '}');
}

/* What describes all that follows. */
static int
add_head(struct saving *w, const struct save_image *images, size_t n)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	auto_buf struct buf index = BUF_INIT, manifest = BUF_INIT, repositories = BUF_INIT;
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf text = BUF_INIT;
		if (store_get(w->s, images[i].img.digest, &text) < 0)
			return -1;
		note_entry(w, &images[i], text.len);
		note_tag(listed(w, &images[i].img), images[i].name);
	}
	buf_addf(&index,
		"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[%s]}",
		buf_str(&w->index));
	archive_write_manifest(&w->list, &manifest);
	archive_write_repositories(&w->list, &repositories);
	if (w->form != SAVE_DOCKER_OLD &&
		(add_text(w, ARCHIVE_LAYOUT, layout, strlen(layout)) < 0 ||
			add_text(w, ARCHIVE_INDEX, index.s, index.len) < 0))
		return -1;
	if (w->form == SAVE_OCI)
		return 0;
	if (add_text(w, ARCHIVE_MANIFEST, manifest.s, manifest.len) < 0)
		return -1;
	return add_text(w, ARCHIVE_REPOSITORIES, repositories.s, repositories.len);
}

static int
add_documents(struct saving *w, const struct image *img)
{
	auto_free char *config = config_name(w, img);
	auto_free char *manifest = fmt_new(ARCHIVE_BLOBS "%s", digest_hex(img->digest));
	if (add_document(w, config, img->id) < 0)
		return -1;
	return w->form == SAVE_DOCKER_OLD ? 0 : add_document(w, manifest, img->digest);
}

static int
add_layers(struct saving *w, const struct image *img)
{
	for (size_t i = 0; i < img->n; i++) {
		const struct image_layer *l = &img->layers[i];
		auto_free char *name = layer_name(w, l);
		if (names_find(&w->written, name, strlen(name)) >= 0)
			continue;
		if ((w->form == SAVE_DOCKER_OLD ? add_plain(w, name, l)
						: add_blob(w, name, &l->blob)) < 0)
			return -1;
	}
	return 0;
}

static int
write_all(struct saving *w, const struct save_image *images, size_t n)
{
	int r = add_head(w, images, n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_documents(w, &images[i].img);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_layers(w, &images[i].img);
	return r < 0 ? -1 : tar_write_end(&w->tar);
}

int
images_save(const struct store *s, const struct save_image *images, size_t n, enum save_form form,
	struct stream_fd *to)
{
	struct saving w = {.s = s, .form = form, .tar = {.write = stream_fd_write, .self = to}};
	struct step st;
	bool failed = false;
	w.list.v = calloc(n + 1, sizeof(*w.list.v));
	if (!w.list.v)
		abort();
	if (step_open(&st, "save", "documents first, then each layer once, as it is kept")) {
		failed = write_all(&w, images, n) < 0;
		errno = err.no ? err.no : EBADMSG;
		step_result(&st, failed ? -1 : 0);
	}
	if (step_told(&st)) {
		step_call(&st, "write(%s)", to->shown);
		step_shell(
			&st, "tar -c -C %s oci-layout index.json blobs", tell_sh(store_images(s)));
	}
	long told = step_close(&st);
	tar_writer_free(&w.tar);
	archive_images_free(&w.list);
	names_free(&w.written);
	buf_free(&w.index);
	if (told < 0 && !failed)
		return err_sys("save", to->shown, "cannot save to %s", to->shown);
	return failed ? -1 : 0;
}
