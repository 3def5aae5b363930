/* SPDX-License-Identifier: MIT */
#include "box/create.h"

#include "base/auto.h"
#include "base/parse.h"
#include "door/step.h"
#include "door/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char *const adjectives[] = {"able", "amber", "bold", "brave", "bright", "calm",
	"clear", "clever", "eager", "fair", "gentle", "happy", "keen", "kind", "lively", "lucid",
	"merry", "nimble", "patient", "quiet", "rapid", "sharp", "steady", "sunny", "swift", "tidy",
	"vivid", "warm", "wise", "witty", "young", "zesty"};
static const char *const surnames[] = {"babbage", "bohr", "boole", "cantor", "church", "curie",
	"dijkstra", "einstein", "euler", "fermat", "franklin", "galileo", "gauss", "hamilton",
	"hopper", "kepler", "knuth", "lamarr", "lovelace", "maxwell", "meitner", "newton",
	"noether", "pascal", "planck", "ritchie", "shannon", "tesla", "thompson", "turing", "volta",
	"wiles"};

static int
random_id(char id[65])
{
	unsigned char raw[32];
	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_sys("getrandom", NULL, "cannot make an id");
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(id + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

static void
random_name(char name[64])
{
	unsigned r[2] = {0};
	if (getrandom(r, sizeof(r), 0) < 0)
		r[0] = 0;
	snprintf(name, 64, "%s_%s", adjectives[r[0] % 32], surnames[r[1] % 32]);
}

/* The symlink is the reservation: of many who want a name the kernel lets one have it. */
static int
reserve(const char *names, const char *name, const struct box *b)
{
	char link[PATH_MAX + 256], target[80];
	snprintf(link, sizeof(link), "%s/%s", names, name);
	snprintf(target, sizeof(target), "../boxes/%s", b->id);
	if (sys_symlink("reserve its name", target, link) == 0)
		return 0;
	return err.no == EEXIST ? err_set(ERR_CONFLICT, name, "the name %s is in use", name) : -1;
}

static int
choose_name(const char *wanted, const struct box *b, char name[256])
{
	char names[PATH_MAX];
	if (box_places(true, names) < 0 || sys_keep_dir("the place of names", names, 0755) < 0)
		return -1;
	if (wanted) {
		snprintf(name, 256, "%s", wanted);
		return parse_name("box name", wanted, 200) < 0 ? -1 : reserve(names, name, b);
	}
	for (int i = 0; i < 20; i++) {
		random_name(name);
		if (reserve(names, name, b) == 0)
			return 0;
		if (err.class != ERR_CONFLICT)
			return -1;
	}
	snprintf(name, 256, "box_%.12s", b->id);
	return reserve(names, name, b);
}

static int
write_json(const struct box *b, const char *file, const char *why, const json_t *doc)
{
	char path[PATH_MAX];
	auto_buf struct buf out = BUF_INIT;
	box_path(b, file, path);
	json_visible(doc, JSON_INDENT(2), &out);
	buf_addc(&out, '\n');
	return sys_replace(why, path, out.s, out.len, 0600);
}

static int
write_text(const struct box *b, const char *file, const char *why, const char *text)
{
	char path[PATH_MAX];
	box_path(b, file, path);
	return sys_replace(why, path, text, strlen(text), 0644);
}

/* The files of the host that a box has of its own. */
static int
host_files(const struct box *b, const json_t *config)
{
	const char *host = json_string_value(json_object_get(config, "hostname"));
	auto_buf struct buf hosts = BUF_INIT, line = BUF_INIT;
	buf_adds(&hosts, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	if (host)
		buf_addf(&hosts, "127.0.1.1\t%s\n", host);
	buf_addf(&line, "%s\n", host ? host : "");
	if (write_text(b, "hosts", "its /etc/hosts", hosts.s) < 0)
		return -1;
	return write_text(b, "hostname", "its /etc/hostname", line.s);
}

int
box_create(const struct store *s, const char *image, const struct image *img,
	const struct box_options *o, char **command, struct box *b)
{
	char boxes[PATH_MAX], name[256], path[PATH_MAX];
	if (box_places(false, boxes) < 0 || random_id(b->id) < 0)
		return -1;
	if (snprintf(b->dir, sizeof(b->dir), "%s/%s", boxes, b->id) >= (int)sizeof(b->dir))
		return err_set(ERR_INVALID, boxes, "%s is too long a path", boxes);
	auto_json json_t *config = box_config(s, img, o, command, b);
	if (!config || sys_keep_dir("the place of boxes", boxes, 0700) < 0 ||
		sys_mkdir("the box", b->dir, 0700) < 0 || choose_name(o->name, b, name) < 0)
		return -1;
	auto_json json_t *doc = box_document(image, img, o, name, config, b);
	auto_fd int lock = -1;
	box_path(b, "lock", path);
	if (!doc || host_files(b, config) < 0 ||
		write_json(b, "config.json", "how it runs (OCI runtime specification)", config) <
			0 ||
		write_json(b, "box.json", "what else was asked for", doc) < 0)
		return -1;
	return sys_create("what box-mon will hold while it runs", path, 0600, &lock);
}
