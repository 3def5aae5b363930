/* SPDX-License-Identifier: MIT
 * "mounts" (config.md "Mounts"), in their order.
 */
#include "base/auto.h"
#include "base/err.h"
#include "mech/oci_in.h"

#include <string.h>

/* Options that runc and crun understand and ns-exec does not. The words that begin with an r set
 * flags on a whole tree of mounts (mount_setattr(2)). */
static const char *const unsupported[] = {"nosymfollow", "symfollow", "unbindable", "runbindable",
	"iversion", "noiversion", "lazytime", "nolazytime", "mand", "nomand", "silent", "loud",
	"remount", "tmpcopyup", "ridmap", "rro", "rrw", "rnosuid", "rsuid", "rnodev", "rdev",
	"rnoexec", "rexec", "rnoatime", "ratime", "rnodiratime", "rdiratime", "rrelatime",
	"rnorelatime", "rstrictatime", "rnostrictatime", "rnosymfollow", "rsymfollow"};

struct mount {
	struct jat at;
	const char *destination;
	const char *type;
	const char *source;
	bool bind, idmap;
	bool has_bind_word;
	struct buf options; /* words with commas between */
};

static void
free_mount(struct mount *m)
{
	buf_free(&m->options);
}

static int
one_option(struct mount *m, const struct jat *item)
{
	const char *word = "";
	if (jat_need(item) < 0 || jat_str(item, &word) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (strcmp(word, unsupported[i]) == 0)
			return jat_fail(item, ERR_UNSUPPORTED,
				"cannot be done: ns-exec has no mount option %s", word);
	m->idmap = m->idmap || strcmp(word, "idmap") == 0;
	if (strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0)
		m->bind = m->has_bind_word = true;
	buf_addf(&m->options, "%s%s", m->options.len ? "," : "", word);
	return 0;
}

static int
read_mount(struct mount *m)
{
	struct jat destination = jat_member(&m->at, "destination"), options;
	m->type = m->source = m->destination = "";
	if (jat_need(&m->at) < 0 || jat_object(&m->at) < 0 || jat_need(&destination) < 0 ||
		jat_str(&destination, &m->destination) < 0 ||
		jat_get_str(&m->at, "type", &m->type) < 0 ||
		jat_get_str(&m->at, "source", &m->source) < 0 ||
		jat_get_array(&m->at, "options", &options) < 0 ||
		oci_refuse(&m->at, "uidMappings", "ns-exec makes no mounts with mapped ids") < 0 ||
		oci_refuse(&m->at, "gidMappings", "ns-exec makes no mounts with mapped ids") < 0)
		return -1;
	m->bind = strcmp(m->type, "bind") == 0;
	for (size_t i = 0; i < jat_len(&options); i++) {
		struct jat item = jat_item(&options, i);
		if (one_option(m, &item) < 0)
			return -1;
	}
	return oci_check_path(&destination, m->destination);
}

static int
check_colon(const struct mount *m, const char *key, const char *text)
{
	struct jat at = jat_member(&m->at, key);
	if (strchr(text, ':'))
		return jat_fail(&at, ERR_UNSUPPORTED,
			"has a colon, which divides the words of ns-exec: '%s'", text);
	return 0;
}

/* With a colon before the options, if there are any. */
static void
add_options(struct buf *out, const struct mount *m)
{
	if (m->options.len)
		buf_addf(out, ":%s", m->options.s);
}

static int
bind(struct oci_args *a, const struct mount *m)
{
	struct jat at = jat_member(&m->at, "source");
	auto_buf struct buf text = BUF_INIT;
	if (!m->source[0])
		return jat_fail(&at, ERR_INVALID, "is missing, and a bind shows something");
	auto_free char *source = oci_host_path(a, m->source);
	if (check_colon(m, "source", source) < 0)
		return -1;
	/* --bind takes the mounts below along unless it is told "bind". */
	buf_addf(&text, "%s:%s", source, m->destination);
	if (!m->has_bind_word)
		buf_addf(&text, ":bind%s%s", m->options.len ? "," : "", buf_str(&m->options));
	else
		add_options(&text, m);
	oci_option(a, "--bind", "%s", text.s);
	return 0;
}

static int
file_system(struct oci_args *a, const struct mount *m)
{
	auto_buf struct buf text = BUF_INIT;
	struct jat at = jat_member(&m->at, "type");
	if (!m->type[0])
		return jat_fail(&at, ERR_INVALID, "is missing, and it is no bind");
	if (m->idmap)
		return jat_fail(&at, ERR_UNSUPPORTED,
			"cannot be done: ns-exec has the mount option idmap for binds only");
	if (check_colon(m, "type", m->type) < 0 || check_colon(m, "source", m->source) < 0)
		return -1;
	if (strcmp(m->type, "cgroup") == 0)
		return oci_cgroup_mounts(a, m->destination, buf_str(&m->options));
	if (strcmp(m->destination, "/dev") == 0)
		a->dev_mounted = true;
	buf_addf(&text, "%s:%s:%s", m->type, m->source[0] ? m->source : m->type, m->destination);
	add_options(&text, m);
	oci_option(a, "--fs", "%s", text.s);
	return 0;
}

int
oci_mounts(struct oci_args *a, const struct jat *top)
{
	struct jat list;
	if (jat_get_array(top, "mounts", &list) < 0)
		return -1;
	/* A bundle brings every mount itself. */
	oci_option(a, "--no-proc", NULL);
	oci_option(a, "--no-dev", NULL);
	oci_option(a, "--no-sys", NULL);
	oci_option(a, "--no-masks", NULL);
	for (size_t i = 0; i < jat_len(&list); i++) {
		__attribute__((cleanup(free_mount))) struct mount m = {.at = jat_item(&list, i)};
		if (read_mount(&m) < 0 || (m.bind ? bind(a, &m) : file_system(a, &m)) < 0)
			return -1;
	}
	if (a->dev_mounted)
		oci_option(a, "--dev-nodes", NULL);
	return 0;
}
