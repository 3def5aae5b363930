/* SPDX-License-Identifier: MIT */
#include "box/create.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/bundle.h"
#include "box/event.h"
#include "box/merge.h"
#include "box/volume.h"
#include "door/sys.h"
#include "door/undo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const char *const adjectives[] = {"able", "amber", "bold", "brave", "bright", "calm",
	"clear", "clever", "eager", "fair", "gentle", "happy", "keen", "kind", "lively", "lucid",
	"merry", "nimble", "patient", "quiet", "rapid", "sharp", "steady", "sunny", "swift", "tidy",
	"vivid", "warm", "wise", "witty", "young", "zesty"};
static const char *const surnames[] = {"babbage", "bohr", "boole", "cantor", "church", "curie",
	"dijkstra", "einstein", "euler", "fermat", "franklin", "galileo", "gauss", "hamilton",
	"hopper", "kepler", "knuth", "lamarr", "lovelace", "maxwell", "meitner", "newton",
	"noether", "pascal", "planck", "ritchie", "shannon", "tesla", "thompson", "turing", "volta",
	"wiles"};

/* ---- its name ---- */

static int
choose_name(const char *wanted, const struct box *b, char name[256])
{
	if (wanted) {
		wanted += *wanted == '/';
		snprintf(name, 256, "%s", wanted);
		return box_take_name(b, wanted);
	}
	for (int i = 0; i < 20; i++) {
		unsigned r[2] = {0};
		if (getrandom(r, sizeof(r), 0) < 0)
			break;
		snprintf(name, 256, i < 10 ? "%s_%s" : "%s_%s%u", adjectives[r[0] % 32],
			surnames[r[1] % 32], r[0] >> 24);
		if (box_take_name(b, name) == 0)
			return 0;
		if (err.class != ERR_CONFLICT)
			return -1;
	}
	snprintf(name, 256, "box_%.12s", b->id);
	return box_take_name(b, name);
}

/* ---- its files below /etc ---- */

static int
write_text(const struct box *b, const char *file, const char *why, const struct buf *text)
{
	char path[PATH_MAX];
	box_path(b, file, path);
	return sys_write_new(why, path, buf_str(text), text->len, 0644);
}

void
box_hosts(const json_t *doc, const char *address, const char *more, struct buf *out)
{
	const char *host = box_text(doc, "Config.Hostname");
	json_t *item;
	size_t i;
	buf_adds(out,
		"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
		"fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n"
		"ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
	json_array_foreach(box_value(doc, "HostConfig.ExtraHosts"), i, item)
	{
		const char *s = json_string_value(item), *colon = strchr(s, ':');
		if (colon)
			buf_addf(out, "%s\t%.*s\n", colon + 1, (int)(colon - s), s);
	}
	buf_adds(out, more);
	if (*address)
		buf_addf(out, "%s\t%s\n", address, host);
}

/* The host's resolv.conf, unless the box names servers of its own. A server on the host's loopback
 * is nobody's inside (moby, libnetwork/resolvconf): it is left out. */
static void
resolv_conf(const json_t *doc, struct buf *out)
{
	static const char *const keys[][2] = {{"HostConfig.Dns", "nameserver"},
		{"HostConfig.DnsSearch", "search"}, {"HostConfig.DnsOptions", "options"}};
	bool host = strcmp(box_text(doc, "HostConfig.NetworkMode"), "host") == 0;
	auto_buf struct buf text = BUF_INIT;
	json_t *item;
	size_t i;
	for (size_t k = 0; k < 3; k++) {
		const json_t *list = box_value(doc, keys[k][0]);
		json_array_foreach(list, i, item) buf_addf(out, "%s%s%s",
			i && k	    ? " "
				: i ? "\nnameserver "
				    : keys[k][1],
			i ? "" : " ", json_string_value(item));
		if (json_array_size(list))
			buf_addc(out, '\n');
	}
	if (file_read("/etc/resolv.conf", 65536, &text) < 0)
		err_clear();
	for (char *rest = text.s, *line; rest && (line = strsep(&rest, "\n"));) {
		char word[32] = "", value[64] = "";
		if (sscanf(line, "%31s %63s", word, value) < 1)
			continue;
		bool given = false;
		for (size_t k = 0; k < 3; k++)
			given = given ||
				(strcmp(word, keys[k][1]) == 0 &&
					json_array_size(box_value(doc, keys[k][0])));
		if (!given && *word != '#' && *word != ';' &&
			(host || strcmp(word, "nameserver") != 0 ||
				(strncmp(value, "127.", 4) != 0 && strcmp(value, "::1") != 0)))
			buf_addf(out, "%s\n", line);
	}
}

static int
host_files(const struct box *b, const json_t *doc)
{
	auto_buf struct buf hosts = BUF_INIT, name = BUF_INIT, resolv = BUF_INIT;
	json_t *item;
	size_t i;
	json_array_foreach(box_value(doc, "HostConfig.ExtraHosts"), i,
		item) if (!strchr(json_string_value(item), ':')) return err_set(ERR_INVALID,
		json_string_value(item), "bad format for add-host: \"%s\"",
		json_string_value(item));
	if (strcmp(box_text(doc, "HostConfig.NetworkMode"), "host") == 0) {
		if (file_read("/etc/hosts", 1 << 20, &hosts) < 0)
			err_clear();
	} else {
		box_hosts(doc, "", "", &hosts);
	}
	buf_addf(&name, "%s\n", box_text(doc, "Config.Hostname"));
	resolv_conf(doc, &resolv);
	return write_text(b, "hosts", "its /etc/hosts", &hosts) < 0 ||
			write_text(b, "hostname", "its /etc/hostname", &name) < 0 ||
			write_text(b, "resolv.conf", "its /etc/resolv.conf", &resolv) < 0
		? -1
		: 0;
}

static int
fill(const struct store *s, const struct image *img, const struct box *b, json_t *doc)
{
	auto_fd int volumes = -1;
	if (volume_lock(false, &volumes) < 0 || box_add_mounts(doc, s, img) < 0)
		return -1;
	auto_json json_t *config = bundle_make(doc, b, s, img);
	if (!config || host_files(b, doc) < 0 ||
		box_write_compact(
			b, "config.json", "how it runs (OCI runtime specification)", config) < 0)
		return -1;
	return box_write(b, "box.json", "what it is: from now on it is a box", doc);
}

int
box_create(const struct store *s, const struct image *img, json_t *request, const char *name,
	struct box *b, int *lock)
{
	char boxes[PATH_MAX], chosen[256], path[PATH_MAX], id[65];
	auto_fd int made = -1;
	*lock = -1;
	if (box_places(false, boxes) < 0 || box_random_id(id) < 0 || box_of(id, b) < 0)
		return -1;
	auto_json json_t *doc = box_merge(request, img, b);
	if (!doc)
		return -1;
	box_path(b, "lock", path);
	if (sys_keep_dir("the place of boxes", boxes, 0700) < 0 ||
		sys_mkdir("the box", b->dir, 0700) < 0)
		return -1;
	auto_buf struct buf shell = BUF_INIT;
	buf_adds(&shell, "rm -rf ");
	buf_add_sh(&shell, b->dir);
	undo_push(undo_empty_dir, b->dir, NULL, shell.s);
	if (sys_create("its lock", path, 0600, &made) < 0 ||
		sys_lock("held while it is made, and while it runs", path, true, lock) < 0 ||
		choose_name(name, b, chosen) < 0)
		return -1;
	json_object_set_new(doc, "Name", json_string(chosen));
	if (fill(s, img, b, doc) < 0)
		return -1;
	event_box(doc, "create", NULL);
	return 0;
}
