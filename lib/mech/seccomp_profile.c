/* SPDX-License-Identifier: MIT
 * From the JSON of a seccomp profile to a plain struct. Pure, but for uname(2).
 */
#include "mech/seccomp_profile.h"

#include "base/err.h"
#include "mech/ct.h"

#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

void
profile_target_here(struct seccomp_target *t)
{
	struct utsname u;
	*t = (struct seccomp_target){.caps = ct_caps_default(), .arch = seccomp_arch_native()};
	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &t->kernel[0], &t->kernel[1]) != 2)
		t->kernel[0] = UINT_MAX;
}

static const struct {
	const char *name;
	uint32_t action;
} actions[] = {
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
};
#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

/* The word beside an action: a number ("errnoRet"), or a name as podman writes it ("errno"). Docker
 * and runc take EPERM where none stands. */
static int
read_errno(const struct jat *rule, const char *number_key, const char *name_key, uint32_t *word)
{
	uint64_t n = EPERM;
	const char *name = NULL;
	struct jat at = jat_member(rule, name_key);
	if (jat_str(&at, &name) < 0)
		return -1;
	if (name && name[0]) {
		int no = err_number(name);
		if (no < 0)
			return jat_fail(&at, ERR_INVALID, "is no name of an errno: '%s'", name);
		n = (uint64_t)no;
	}
	if (jat_get_u64(rule, number_key, UINT16_MAX, &n) < 0)
		return -1;
	*word = (uint32_t)n;
	return 0;
}

static int
read_action(const struct jat *rule, const char *key, const char *errno_key, const char *name_key,
	uint32_t *action)
{
	const char *name = NULL;
	uint32_t word = 0;
	struct jat at = jat_member(rule, key);
	if (jat_need(&at) < 0 || jat_str(&at, &name) < 0 ||
		read_errno(rule, errno_key, name_key, &word) < 0)
		return -1;
	if (strcmp(name, "SCMP_ACT_NOTIFY") == 0)
		return jat_fail(&at, ERR_UNSUPPORTED,
			"is SCMP_ACT_NOTIFY, and there is no supervisor that would answer");
	for (size_t i = 0; i < N_ACTIONS; i++)
		if (strcmp(name, actions[i].name) == 0) {
			*action = actions[i].action;
			if (*action == SCMP_ACT_ERRNO(0) || *action == SCMP_ACT_TRACE(0))
				*action |= word;
			return 0;
		}
	return jat_fail(&at, ERR_INVALID, "is no action of seccomp: '%s'", name);
}

static const char *const operators[] = {
	[SCMP_CMP_NE] = "SCMP_CMP_NE",
	[SCMP_CMP_LT] = "SCMP_CMP_LT",
	[SCMP_CMP_LE] = "SCMP_CMP_LE",
	[SCMP_CMP_EQ] = "SCMP_CMP_EQ",
	[SCMP_CMP_GE] = "SCMP_CMP_GE",
	[SCMP_CMP_GT] = "SCMP_CMP_GT",
	[SCMP_CMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

static int
read_arg(const struct jat *at, struct scmp_arg_cmp *arg)
{
	uint64_t index = 0, value = 0, two = 0;
	const char *op = NULL;
	struct jat op_at = jat_member(at, "op"), index_at = jat_member(at, "index");
	if (jat_object(at) < 0 || jat_need(&index_at) < 0 || jat_need(&op_at) < 0 ||
		jat_u64(&index_at, SECCOMP_ARGS_MAX - 1, &index) < 0 ||
		jat_get_u64(at, "value", UINT64_MAX, &value) < 0 ||
		jat_get_u64(at, "valueTwo", UINT64_MAX, &two) < 0 || jat_str(&op_at, &op) < 0)
		return -1;
	for (unsigned i = 1; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (strcmp(op, operators[i]) == 0) {
			*arg = (struct scmp_arg_cmp){.arg = (unsigned)index,
				.op = (enum scmp_compare)i,
				.datum_a = value,
				.datum_b = two};
			return 0;
		}
	return jat_fail(&op_at, ERR_INVALID, "is no comparison: '%s'", op);
}

static int
read_args(const struct jat *rule, struct seccomp_rule *r)
{
	struct jat args;
	unsigned seen = 0;
	if (jat_get_array(rule, "args", &args) < 0)
		return -1;
	if (jat_len(&args) > SECCOMP_ARGS_MAX)
		return jat_fail(&args, ERR_INVALID, "has more than %d entries", SECCOMP_ARGS_MAX);
	for (; r->n_args < jat_len(&args); r->n_args++) {
		struct jat item = jat_item(&args, r->n_args);
		struct scmp_arg_cmp *arg = &r->args[r->n_args];
		if (jat_need(&item) < 0 || read_arg(&item, arg) < 0)
			return -1;
		if (seen & 1u << arg->arg)
			r->any = true;
		seen |= 1u << arg->arg;
	}
	return 0;
}

/* The names of Go's architectures, which Docker's conditions use, beside libseccomp's. */
static bool
is_arch(const char *go_name, uint32_t arch)
{
	static const struct {
		const char *go;
		const char *ours;
	} names[] = {{"amd64", "x86_64"}, {"386", "x86"}, {"arm64", "aarch64"},
		{"mips64le", "mipsel64"}, {"mips64p32", "mips64n32"},
		{"mips64p32le", "mipsel64n32"}, {"mipsle", "mipsel"}};
	const char *name = arch_name(arch);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(go_name, names[i].go) == 0)
			go_name = names[i].ours;
	return name && strcmp(name, go_name) == 0;
}

/* One condition ("includes" or "excludes" of a rule), as counts of what it lists and of what of
 * that is so here. */
struct condition {
	size_t caps, caps_here;
	size_t archs, archs_here;
	bool kernel, kernel_here;
};

static int
read_caps(const struct jat *list, uint64_t *all, size_t *here, uint64_t have)
{
	for (size_t i = 0; i < jat_len(list); i++) {
		struct jat item = jat_item(list, i);
		const char *name = "";
		uint64_t bit;
		if (jat_str(&item, &name) < 0)
			return -1;
		if (ct_caps_parse(name, &bit) < 0)
			return jat_fail(&item, ERR_INVALID, "is no capability: '%s'", name);
		*all |= bit;
		*here += (have & bit) != 0;
	}
	return 0;
}

static int
read_archs(const struct jat *list, size_t *here, uint32_t arch)
{
	for (size_t i = 0; i < jat_len(list); i++) {
		struct jat item = jat_item(list, i);
		const char *name = "";
		if (jat_str(&item, &name) < 0)
			return -1;
		*here += is_arch(name, arch);
	}
	return 0;
}

static int
read_condition(const struct jat *at, const struct seccomp_target *t, struct condition *c)
{
	struct jat caps, archs, kernel = jat_member(at, "minKernel");
	const char *version = NULL;
	unsigned major, minor;
	uint64_t all = 0;
	*c = (struct condition){0};
	if (jat_get_array(at, "caps", &caps) < 0 || jat_get_array(at, "arches", &archs) < 0 ||
		read_caps(&caps, &all, &c->caps_here, t->caps) < 0 ||
		read_archs(&archs, &c->archs_here, t->arch) < 0 || jat_str(&kernel, &version) < 0)
		return -1;
	c->caps = jat_len(&caps);
	c->archs = jat_len(&archs);
	if (!version || !version[0])
		return 0;
	if (sscanf(version, "%u.%u", &major, &minor) != 2)
		return jat_fail(&kernel, ERR_INVALID, "is no version such as 4.8: '%s'", version);
	c->kernel = true;
	c->kernel_here = t->kernel[0] > major || (t->kernel[0] == major && t->kernel[1] >= minor);
	return 0;
}

/* Docker's rule: included are those whose capabilities are all there, and whose machine and kernel
 * fit; excluded are those of which anything is there. */
static int
rule_holds(const struct jat *rule, const struct seccomp_target *t, bool *holds)
{
	struct jat in, out;
	struct condition i, o;
	if (jat_get_object(rule, "includes", &in) < 0 ||
		jat_get_object(rule, "excludes", &out) < 0 || read_condition(&in, t, &i) < 0 ||
		read_condition(&out, t, &o) < 0)
		return -1;
	*holds = i.caps_here == i.caps && (!i.archs || i.archs_here) &&
		(!i.kernel || i.kernel_here) && !o.caps_here && !o.archs_here && !o.kernel_here;
	return 0;
}

const char *
profile_rule_name(const struct seccomp_rule *r, size_t i)
{
	if (json_is_string(r->names))
		return i == 0 ? json_string_value(r->names) : NULL;
	return json_string_value(json_array_get(r->names, i));
}

static int
check_names(const struct jat *rule, struct seccomp_rule *r)
{
	struct jat names = jat_member(rule, "names"), name = jat_member(rule, "name");
	const char *text = "";
	if (names.v && name.v)
		return jat_fail(rule, ERR_INVALID, "has both name and names");
	if (name.v) {
		r->names = name.v;
		return jat_str(&name, &text);
	}
	if (jat_need(&names) < 0 || jat_array(&names) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&names); i++) {
		struct jat item = jat_item(&names, i);
		if (jat_need(&item) < 0 || jat_str(&item, &text) < 0)
			return -1;
	}
	r->names = names.v;
	return 0;
}

static int
read_rules(struct seccomp_profile *p, const struct seccomp_target *t)
{
	p->rules = calloc(jat_len(&p->syscalls) + 1, sizeof(*p->rules));
	if (!p->rules)
		abort();
	for (size_t i = 0; i < jat_len(&p->syscalls); i++) {
		struct jat at = jat_item(&p->syscalls, i);
		struct seccomp_rule *r = &p->rules[p->n_rules];
		bool holds = false;
		*r = (struct seccomp_rule){0};
		if (jat_need(&at) < 0 || jat_object(&at) < 0 || check_names(&at, r) < 0 ||
			read_action(&at, "action", "errnoRet", "errno", &r->action) < 0 ||
			read_args(&at, r) < 0 || rule_holds(&at, t, &holds) < 0)
			return -1;
		p->n_rules += holds;
	}
	return 0;
}

static bool
has_name(const struct strlist *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], name) == 0)
			return true;
	return false;
}

static void
list_conditional(struct seccomp_profile *p)
{
	const char *name;
	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t k = 0;
			p->rules[i].n_args && (name = profile_rule_name(&p->rules[i], k)) != NULL;
			k++)
			if (!has_name(&p->conditional, name))
				strlist_add(&p->conditional, name);
}

static int
add_arch(struct seccomp_profile *p, const struct jat *at)
{
	const char *name = "";
	uint32_t arch;
	if (jat_str(at, &name) < 0)
		return -1;
	if (profile_arch(name, &arch) < 0)
		return jat_fail(at, ERR_INVALID, "is no machine that libseccomp knows: '%s'", name);
	for (unsigned i = 0; i < p->n_archs; i++)
		if (p->archs[i] == arch)
			return 0;
	if (p->n_archs == SECCOMP_ARCHS_MAX)
		return jat_fail(at, ERR_INVALID, "is one machine too many");
	p->archs[p->n_archs++] = arch;
	return 0;
}

static int
add_archs(struct seccomp_profile *p, const struct jat *list)
{
	for (size_t i = 0; i < jat_len(list); i++) {
		struct jat item = jat_item(list, i);
		if (jat_need(&item) < 0 || add_arch(p, &item) < 0)
			return -1;
	}
	return 0;
}

/* Docker's archMap: the entry of the target names the machines whose programs it also runs. */
static int
read_arch_map(struct seccomp_profile *p, const struct jat *map, uint32_t target)
{
	for (size_t i = 0; i < jat_len(map); i++) {
		struct jat entry = jat_item(map, i), subs;
		struct jat name_at = jat_member(&entry, "architecture");
		const char *name = "";
		uint32_t arch;
		if (jat_object(&entry) < 0 || jat_need(&name_at) < 0 ||
			jat_str(&name_at, &name) < 0 ||
			jat_get_array(&entry, "subArchitectures", &subs) < 0)
			return -1;
		struct err before = err;
		bool known = profile_arch(name, &arch) == 0;
		err = before;
		if (known && arch == target)
			return add_archs(p, &subs);
	}
	return 0;
}

static int
read_all_archs(struct seccomp_profile *p, const struct seccomp_target *t)
{
	struct jat list, map;
	/* libseccomp and runc always cover the machine itself, listed or not. */
	p->archs[p->n_archs++] = t->arch;
	if (jat_get_array(&p->top, "architectures", &list) < 0 ||
		jat_get_array(&p->top, "archMap", &map) < 0)
		return -1;
	if (jat_len(&list) && jat_len(&map))
		return jat_fail(&p->top, ERR_INVALID, "has both architectures and archMap");
	return jat_len(&map) ? read_arch_map(p, &map, t->arch) : add_archs(p, &list);
}

/* Finds the profile in the document: it is one, or a runtime configuration that holds one. */
static int
find_profile(struct seccomp_profile *p)
{
	p->root = jat_top(p->file, p->doc);
	if (jat_object(&p->root) < 0)
		return -1;
	p->top = p->root;
	struct jat version = jat_member(&p->root, "ociVersion");
	if (!version.v)
		return 0;
	if (jat_get_object(&p->root, "linux", &p->lin) < 0 ||
		jat_get_object(&p->lin, "seccomp", &p->top) < 0)
		return -1;
	return jat_need(&p->top);
}

int
profile_read(
	struct seccomp_profile *p, const char *file, json_t *doc, const struct seccomp_target *t)
{
	*p = (struct seccomp_profile){.doc = doc, .file = file};
	if (find_profile(p) < 0 ||
		read_action(&p->top, "defaultAction", "defaultErrnoRet", "defaultErrno",
			&p->action) < 0 ||
		read_all_archs(p, t) < 0 || jat_get_array(&p->top, "syscalls", &p->syscalls) < 0)
		return -1;
	if (read_rules(p, t) < 0)
		return -1;
	list_conditional(p);
	return 0;
}

void
profile_free(struct seccomp_profile *p)
{
	json_decref(p->doc);
	free(p->rules);
	free(p->conditional.v);
	*p = (struct seccomp_profile){0};
}

int
profile_flags(const struct seccomp_profile *p, struct buf *out)
{
	static const char *const known[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
		"SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
	struct jat flags;
	if (jat_get_array(&p->top, "flags", &flags) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&flags); i++) {
		struct jat item = jat_item(&flags, i);
		const char *name = "";
		size_t k = 0;
		if (jat_str(&item, &name) < 0)
			return -1;
		while (k < 4 && strcmp(known[k], name) != 0)
			k++;
		if (k == 4)
			return jat_fail(&item, ERR_INVALID, "is no flag of seccomp(2): '%s'", name);
		buf_addf(out, "%s\n", name);
	}
	return 0;
}

int
profile_wider(const struct seccomp_profile *p, uint64_t *caps)
{
	for (size_t i = 0; i < jat_len(&p->syscalls); i++) {
		struct jat rule = jat_item(&p->syscalls, i), in, list;
		size_t here = 0;
		if (jat_get_object(&rule, "includes", &in) < 0 ||
			jat_get_array(&in, "caps", &list) < 0 ||
			read_caps(&list, caps, &here, 0) < 0)
			return -1;
	}
	return 0;
}
