/* SPDX-License-Identifier: MIT
 * Which devices a group may use. v1 has a controller for that, with files that take rules as text
 * (kernel: Documentation/admin-guide/cgroup-v1/devices.rst). v2 has none: there a small program
 * that is attached to the group is asked each time a device is opened or made (bpf(2),
 * BPF_PROG_TYPE_CGROUP_DEVICE); it lives as long as the group.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "door/sys.h"
#include "mech/cgroup.h"
#include "mech/cgroup_in.h"

#include <linux/bpf.h>
#include <string.h>

enum {
	MAY_MAKE = BPF_DEVCG_ACC_MKNOD,
	MAY_READ = BPF_DEVCG_ACC_READ,
	MAY_WRITE = BPF_DEVCG_ACC_WRITE
};
#define MAY_ALL (MAY_MAKE | MAY_READ | MAY_WRITE)

static int
is_no_rule(const char *value)
{
	return err_set(ERR_INVALID, value,
		"'%s' is no rule for devices (such as \"c 1:3 rwm\", \"b *:* m\")", value);
}

/* A number, or * for all, up to `end`. */
static int
read_number(const char *s, size_t n, int64_t *out)
{
	auto_free char *text = fmt_new("%.*s", (int)n, s);
	*out = -1;
	return strcmp(text, "*") == 0 ? 0 : parse_int(text, 0, UINT32_MAX - 1, out);
}

int
cg_opt_device(void *to, const char *value)
{
	struct cg_limits *l = to;
	struct cg_device d = {.type = value[0]};
	const char *colon = strchr(value, ':');
	const char *blank = colon ? strchr(colon, ' ') : NULL;
	if (!strchr("cb", d.type) || !d.type || value[1] != ' ' || !blank)
		return is_no_rule(value);
	if (read_number(value + 2, (size_t)(colon - value - 2), &d.major) < 0 ||
		read_number(colon + 1, (size_t)(blank - colon - 1), &d.minor) < 0)
		return is_no_rule(value);
	for (const char *p = blank + 1; *p; p++) {
		unsigned bit = *p == 'r' ? MAY_READ
			: *p == 'w'	 ? MAY_WRITE
			: *p == 'm'	 ? MAY_MAKE
					 : 0;
		if (!bit || d.access & bit)
			return is_no_rule(value);
		d.access |= bit;
	}
	if (!d.access)
		return is_no_rule(value);
	if (l->n_devices == CG_DEVICES_MAX)
		return err_set(
			ERR_INVALID, value, "more than %d rules for devices", CG_DEVICES_MAX);
	l->device[l->n_devices++] = d;
	l->given |= CG_GIVE_DEVICES;
	return 0;
}

static void
add_number(struct buf *out, int64_t n)
{
	if (n < 0)
		buf_addc(out, '*');
	else
		buf_addf(out, "%lld", (long long)n);
}

static void
add_rule(struct buf *out, const struct cg_device *d)
{
	buf_addf(out, "%c ", d->type);
	add_number(out, d->major);
	buf_addc(out, ':');
	add_number(out, d->minor);
	buf_addf(out, " %s%s%s", d->access & MAY_READ ? "r" : "", d->access & MAY_WRITE ? "w" : "",
		d->access & MAY_MAKE ? "m" : "");
}

static int
put_v1(const char *dir, const struct cg_limits *l)
{
	if (sys_write("no device at all", cg_file(dir, "devices.deny"), "a", NULL) < 0)
		return -1;
	for (unsigned i = 0; i < l->n_devices; i++) {
		auto_buf struct buf rule = BUF_INIT;
		add_rule(&rule, &l->device[i]);
		if (sys_write("but this one", cg_file(dir, "devices.allow"), rule.s, NULL) < 0)
			return -1;
	}
	return 0;
}

/* ---- the program ---- */

/* A rule has eight instructions at most, the beginning six and the end two. */
#define CODE_MAX (CG_DEVICES_MAX * 8 + 8)

struct code {
	struct bpf_insn v[CODE_MAX];
	size_t n;
};

enum { R0, R1, TYPE, ACCESS, MAJOR, MINOR };

static void
emit(struct code *c, int op, int dst, int src, int off, int32_t imm)
{
	c->v[c->n++] = (struct bpf_insn){.code = (uint8_t)op,
		.dst_reg = (uint8_t)(dst & 15),
		.src_reg = (uint8_t)(src & 15),
		.off = (int16_t)off,
		.imm = imm};
}

/* What is asked for: the kind of device in the low half of the first word, the access in the other,
 * then the numbers (struct bpf_cgroup_dev_ctx). */
static void
emit_begin(struct code *c)
{
	emit(c, BPF_LDX | BPF_MEM | BPF_W, TYPE, R1, 0, 0);
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, ACCESS, TYPE, 0, 0);
	emit(c, BPF_ALU64 | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
	emit(c, BPF_ALU64 | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
	emit(c, BPF_LDX | BPF_MEM | BPF_W, MAJOR, R1, 4, 0);
	emit(c, BPF_LDX | BPF_MEM | BPF_W, MINOR, R1, 8, 0);
}

/* Every condition that does not hold jumps behind the rule. */
static void
emit_rule(struct code *c, const struct cg_device *d)
{
	int left = 3 + (d->access != MAY_ALL ? 3 : 0) + (d->major >= 0) + (d->minor >= 0) - 1;
	int type = d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
	emit(c, BPF_JMP | BPF_JNE | BPF_K, TYPE, 0, left--, type);
	if (d->access != MAY_ALL) {
		emit(c, BPF_ALU64 | BPF_MOV | BPF_X, R0, ACCESS, 0, 0);
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, R0, 0, 0, (int32_t)(MAY_ALL & ~d->access));
		left -= 2;
		emit(c, BPF_JMP | BPF_JNE | BPF_K, R0, 0, left--, 0);
	}
	if (d->major >= 0)
		emit(c, BPF_JMP | BPF_JNE | BPF_K, MAJOR, 0, left--, (int32_t)d->major);
	if (d->minor >= 0)
		emit(c, BPF_JMP | BPF_JNE | BPF_K, MINOR, 0, left--, (int32_t)d->minor);
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, 1);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int
put_v2(const char *dir, const struct cg_limits *l)
{
	struct code c = {.n = 0};
	emit_begin(&c);
	for (unsigned i = 0; i < l->n_devices; i++)
		emit_rule(&c, &l->device[i]);
	emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, 0);
	emit(&c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return sys_device_filter("no device but those of these rules", dir, c.v, c.n);
}

int
cg_put_devices(const struct cgroup *g, const struct cg_limits *l)
{
	bool v2;
	const char *dir = cg_dir_of(g, CG_DEVICES, &v2);
	if (dir)
		return put_v1(dir, l);
	dir = cg_v2_dir(g);
	if (dir)
		return put_v2(dir, l);
	err_set(ERR_UNSUPPORTED, g->name, "cannot limit devices of group %s: no devices controller",
		g->name);
	return err_hint("mount its v1 tree: mount -t cgroup -o devices cgroup "
			"/sys/fs/cgroup/devices");
}
