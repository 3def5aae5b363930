/* SPDX-License-Identifier: MIT
 * Any bytes as what describes images: no crash, bounded memory, and what was understood can be
 * written and understood again. The first byte chooses the document.
 */
#include "base/err.h"
#include "image/archive.h"
#include "image/config.h"
#include "image/image.h"
#include "image/mounted.h"
#include "image/ref.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
reference(const char *text)
{
	struct ref r, again;
	auto_buf struct buf full = BUF_INIT, short_form = BUF_INIT;
	if (ref_parse(text, &r) < 0 || !r.host[0])
		return;
	ref_full(&r, &full);
	ref_familiar(&r, &short_form);
	/* Both forms mean the same name. */
	if (ref_parse_name(full.s, &again) < 0 || strcmp(again.path, r.path) != 0 ||
		ref_parse_name(short_form.s, &again) < 0 || strcmp(again.host, r.host) != 0 ||
		strcmp(again.path, r.path) != 0)
		abort();
}

static void
save_manifest(const char *text, size_t len)
{
	struct archive_images a, again;
	auto_buf struct buf out = BUF_INIT, old = BUF_INIT;
	if (archive_read_manifest("m", text, len, &a) < 0)
		return;
	archive_write_manifest(&a, &out);
	archive_write_repositories(&a, &old);
	if (out.len < STORE_JSON_MAX &&
		(archive_read_manifest("m", out.s, out.len, &again) < 0 || again.n != a.n))
		abort();
	if (out.len < STORE_JSON_MAX)
		archive_images_free(&again);
	archive_images_free(&a);
}

static void
manifest(const char *text, size_t len)
{
	enum manifest_kind kind;
	struct manifest m;
	struct descriptor d;
	struct platform p;
	auto_json json_t *doc = json_parse("m", text, len);
	if (!doc || manifest_kind("m", doc, NULL, &kind) < 0)
		return;
	platform_host(&p);
	if (kind == MANIFEST_INDEX) {
		manifest_pick("m", doc, &p, &d);
	} else if (manifest_read("m", doc, &m) == 0) {
		auto_buf struct buf out = BUF_INIT;
		manifest_to_oci(&m, &out);
		manifest_free(&m);
	}
}

static void
config(const char *text, size_t len)
{
	struct manifest m = {.n = 2};
	struct image img;
	char digest[DIGEST_SIZE] = "";
	auto_json json_t *doc = json_parse("c", text, len);
	m.layers = calloc(m.n, sizeof(*m.layers));
	if (!m.layers)
		abort();
	image_from_manifest(&img, digest, &m);
	if (doc)
		image_read_config(&img, "c", doc);
	image_free(&img);
	free(m.layers);
}

/* Lines of changes upon settings that have a variable. */
static void
changes(char *text)
{
	struct strlist list = {0};
	auto_json json_t *doc = json_pack("{s:{s:[s]}}", "config", "Env", "A=b");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		strlist_add(&list, line);
	if (config_words(doc, &list) == 0)
		free(json_dumps(doc, JSON_COMPACT));
	free(list.v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct names set = {0};
	if (size == 0)
		return 0;
	char *text = fmt_new("%.*s", (int)(size - 1), (const char *)data + 1);
	auto_buf struct buf name = BUF_INIT;
	/* As the seeds are written: a digit first. */
	switch ((uint8_t)(data[0] - '0') % 7) {
	case 0:
		reference(text);
		break;
	case 1:
		save_manifest((const char *)data + 1, size - 1);
		break;
	case 2:
		manifest((const char *)data + 1, size - 1);
		break;
	case 3:
		config((const char *)data + 1, size - 1);
		break;
	case 4:
		changes(text);
		break;
	case 5:
		mounted_in(text, &set);
		break;
	default:
		archive_kind(data + 1, size - 1);
		archive_name(text, "a/b", &name);
		if (strncmp(name.s, "../", 3) == 0 || name.s[0] == '/' || strstr(name.s, "/../"))
			abort();
	}
	names_free(&set);
	free(text);
	return 0;
}
