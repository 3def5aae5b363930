/* SPDX-License-Identifier: MIT */
#include "image/manifest.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const manifest_accept[] = {
	"Accept: " MEDIA_OCI_MANIFEST,
	"Accept: " MEDIA_OCI_INDEX,
	"Accept: " MEDIA_DOCKER_MANIFEST,
	"Accept: " MEDIA_DOCKER_LIST,
	NULL,
};

static bool
is_one_of(const char *s, const char *a, const char *b)
{
	return strcmp(s, a) == 0 || strcmp(s, b) == 0;
}

static int
wrong_kind(const char *what, const char *media_type, const char *is)
{
	return err_set(
		ERR_INVALID, what, "%s is said to be %.100s, but is %s", what, media_type, is);
}

/* Whether a media type contradicts what the members say. Unknown ones say nothing. */
static int
check_type(const char *what, const char *type, enum manifest_kind kind)
{
	if (kind == MANIFEST_IMAGE && is_one_of(type, MEDIA_OCI_INDEX, MEDIA_DOCKER_LIST))
		return wrong_kind(what, type, "an image manifest");
	if (kind == MANIFEST_INDEX && is_one_of(type, MEDIA_OCI_MANIFEST, MEDIA_DOCKER_MANIFEST))
		return wrong_kind(what, type, "an index");
	return 0;
}

int
manifest_kind(const char *what, json_t *doc, const char *media_type, enum manifest_kind *kind)
{
	const struct jat top = jat_top(what, doc);
	const char *inner = "";
	uint64_t schema = 0;
	if (!json_is_object(doc))
		return jat_fail(&top, ERR_INVALID, "is not an object");
	if (jat_get_u64(&top, "schemaVersion", 1000, &schema) < 0 ||
		jat_get_str(&top, "mediaType", &inner) < 0)
		return -1;
	bool list = jat_member(&top, "manifests").v;
	bool image = jat_member(&top, "config").v || jat_member(&top, "layers").v;
	if (schema == 1 || jat_member(&top, "fsLayers").v) {
		err_set(ERR_UNSUPPORTED, what, "%s is of Docker's old schema 1", what);
		return err_hint("registries stopped giving these out in 2017: push the image again "
				"with a current program, then pull that");
	}
	if (list && image)
		return err_set(ERR_INVALID, what,
			"%s has layers and manifests: it could be read as two different images",
			what);
	if (!list && !image)
		return err_set(
			ERR_INVALID, what, "%s is neither an image manifest nor an index", what);
	*kind = list ? MANIFEST_INDEX : MANIFEST_IMAGE;
	if (media_type && check_type(what, media_type, *kind) < 0)
		return -1;
	return check_type(what, inner, *kind);
}

static int
read_descriptor(const struct jat *at, struct descriptor *d)
{
	const char *digest = "", *type = "", *url = "";
	uint64_t size = 0;
	struct jat urls, sized = jat_member(at, "size"), named = jat_member(at, "digest");
	if (jat_need(at) < 0 || jat_object(at) < 0 || jat_need(&named) < 0 ||
		jat_str(&named, &digest) < 0 || jat_need(&sized) < 0 ||
		jat_u64(&sized, INT64_MAX, &size) < 0 || jat_get_str(at, "mediaType", &type) < 0 ||
		jat_get_array(at, "urls", &urls) < 0)
		return -1;
	const struct jat first = jat_item(&urls, 0);
	if (jat_str(&first, &url) < 0)
		return -1;
	if (!digest_ok(digest))
		return jat_fail(&named, ERR_INVALID, "'%.80s' is not a sha256 digest", digest);
	memcpy(d->digest, digest, DIGEST_SIZE);
	d->size = (int64_t)size;
	snprintf(d->media_type, sizeof(d->media_type), "%s", type);
	snprintf(d->url, sizeof(d->url), "%s", strlen(url) < sizeof(d->url) ? url : "");
	return 0;
}

bool
layer_is_foreign(const struct descriptor *d)
{
	return strstr(d->media_type, ".foreign.") || strstr(d->media_type, ".nondistributable.");
}

int
manifest_read(const char *what, json_t *doc, struct manifest *m)
{
	const struct jat top = jat_top(what, doc);
	struct jat config, layers;
	*m = (struct manifest){0};
	if (jat_get_object(&top, "config", &config) < 0 || jat_need(&config) < 0 ||
		jat_get_array(&top, "layers", &layers) < 0 || jat_need(&layers) < 0)
		return -1;
	size_t n = jat_len(&layers);
	if (n > MANIFEST_LAYERS_MAX) {
		return jat_fail(&layers, ERR_UNSUPPORTED, "has %zu layers; overlay can stack %d", n,
			MANIFEST_LAYERS_MAX);
	}
	m->layers = calloc(n + 1, sizeof(*m->layers));
	if (!m->layers)
		abort();
	int r = read_descriptor(&config, &m->config);
	for (; r == 0 && m->n < n; m->n++) {
		const struct jat item = jat_item(&layers, m->n);
		r = read_descriptor(&item, &m->layers[m->n]);
	}
	if (r < 0)
		manifest_free(m);
	return r;
}

void
manifest_free(struct manifest *m)
{
	free(m->layers);
	*m = (struct manifest){0};
}

static int
read_platform(const struct jat *item, struct platform *p)
{
	struct jat at;
	const char *os = "", *arch = "", *variant = "";
	if (jat_get_object(item, "platform", &at) < 0 || jat_get_str(&at, "os", &os) < 0 ||
		jat_get_str(&at, "architecture", &arch) < 0 ||
		jat_get_str(&at, "variant", &variant) < 0)
		return -1;
	*p = (struct platform){0};
	snprintf(p->os, sizeof(p->os), "%s", os);
	snprintf(p->arch, sizeof(p->arch), "%s", arch);
	snprintf(p->variant, sizeof(p->variant), "%s", variant);
	return 0;
}

static int
nothing_fits(const char *what, const struct platform *want, const struct buf *seen)
{
	auto_buf struct buf wanted = BUF_INIT;
	platform_text(want, &wanted);
	err_set(ERR_NOT_FOUND, what, "%s has no image for %s", what, wanted.s);
	return seen->len ? err_hint("there is one for: %s", seen->s + 2) : -1;
}

int
manifest_pick(const char *what, json_t *doc, const struct platform *want, struct descriptor *picked)
{
	const struct jat top = jat_top(what, doc);
	struct jat list;
	auto_buf struct buf seen = BUF_INIT;
	int best = 0;
	if (jat_get_array(&top, "manifests", &list) < 0 || jat_need(&list) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&list); i++) {
		const struct jat item = jat_item(&list, i);
		struct platform has;
		struct descriptor d;
		if (read_descriptor(&item, &d) < 0 || read_platform(&item, &has) < 0)
			return -1;
		/* What says nothing of a platform is taken when there is nothing else; what says
		 * "unknown" is no image at all (build records are kept so). */
		int rank = has.arch[0] ? platform_rank(want, &has) : 1;
		if (rank > best) {
			best = rank;
			*picked = d;
		}
		if (has.arch[0] && strcmp(has.arch, "unknown") != 0 && seen.len < 300) {
			buf_adds(&seen, ", ");
			platform_text(&has, &seen);
		}
	}
	return best ? 0 : nothing_fits(what, want, &seen);
}

/* OCI's word for a layer's type. What is not Docker's stays as it is. */
static const char *
oci_layer_type(const char *type)
{
	static const struct {
		const char *docker, *oci;
	} words[] = {
		{"application/vnd.docker.image.rootfs.diff.tar", MEDIA_OCI_LAYER},
		{"application/vnd.docker.image.rootfs.diff.tar.gzip", MEDIA_OCI_LAYER "+gzip"},
		{"application/vnd.docker.image.rootfs.diff.tar.zstd", MEDIA_OCI_LAYER "+zstd"},
		{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
			"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(type, words[i].docker) == 0)
			return words[i].oci;
	return type;
}

static void
add_descriptor(struct buf *out, const char *type, const struct descriptor *d)
{
	buf_adds(out, "{\"mediaType\":");
	buf_add_json(out, type);
	buf_addf(out, ",\"digest\":\"%s\",\"size\":%lld", d->digest, (long long)d->size);
	if (layer_is_foreign(d) && d->url[0]) {
		buf_adds(out, ",\"urls\":[");
		buf_add_json(out, d->url);
		buf_addc(out, ']');
	}
	buf_addc(out, '}');
}

void
manifest_to_oci(const struct manifest *m, struct buf *out)
{
	buf_adds(out, "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"config\":");
	add_descriptor(out, MEDIA_OCI_CONFIG, &m->config);
	buf_adds(out, ",\"layers\":[");
	for (size_t i = 0; i < m->n; i++) {
		buf_adds(out, i ? "," : "");
		add_descriptor(out, oci_layer_type(m->layers[i].media_type), &m->layers[i]);
	}
	buf_adds(out, "]}");
}
