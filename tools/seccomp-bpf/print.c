/* SPDX-License-Identifier: MIT */
#include "print.h"

#include "base/auto.h"
#include "base/err.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of calls end well below this on every machine but mips, whose start at 4000. */
#define NUMBERS 7000

static void
condition_text(const struct scmp_arg_cmp *c, struct buf *out)
{
	static const char *const signs[] = {[SCMP_CMP_NE] = "!=",
		[SCMP_CMP_LT] = "<",
		[SCMP_CMP_LE] = "<=",
		[SCMP_CMP_EQ] = "==",
		[SCMP_CMP_GE] = ">=",
		[SCMP_CMP_GT] = ">"};
	if (c->op == SCMP_CMP_MASKED_EQ)
		buf_addf(
			out, "arg%u & 0x%" PRIx64 " == 0x%" PRIx64, c->arg, c->datum_a, c->datum_b);
	else
		buf_addf(out, "arg%u %s %" PRIu64, c->arg, signs[c->op], c->datum_a);
}

static bool
rule_names(const struct seccomp_rule *r, const char *name)
{
	const char *one;
	for (size_t i = 0; (one = profile_rule_name(r, i)) != NULL; i++)
		if (strcmp(one, name) == 0)
			return true;
	return false;
}

/* "allow if arg0 < 12; allow if arg0 == 13; else errno EPERM". */
static void
conditions_text(const struct seccomp_profile *p, const char *name, struct buf *out)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct seccomp_rule *r = &p->rules[i];
		if (!r->n_args || !rule_names(r, name))
			continue;
		bpf_verdict_text(r->action, out);
		buf_adds(out, " if ");
		for (unsigned k = 0; k < r->n_args; k++) {
			if (k)
				buf_adds(out, r->any ? " or " : " and ");
			condition_text(&r->args[k], out);
		}
		buf_adds(out, "; ");
	}
	buf_adds(out, "else ");
	bpf_verdict_text(p->action, out);
}

static const struct bpf_range *
range_of(const struct bpf_ranges *r, uint32_t number)
{
	size_t i = 0;
	while (number > r->v[i].hi)
		i++;
	return &r->v[i];
}

static void
print_line(const char *name, int number, const char *verdict, const char *conditions, bool json,
	struct buf *out)
{
	if (!json) {
		buf_addf(out, "%-30s %5d  %s%s%s\n", name, number, verdict, *conditions ? ": " : "",
			conditions);
		return;
	}
	buf_adds(out, "{\"name\":");
	buf_add_json(out, name);
	buf_addf(out, ",\"number\":%d,\"verdict\":", number);
	buf_add_json(out, verdict);
	buf_adds(out, ",\"conditions\":");
	buf_add_json(out, conditions);
	buf_adds(out, "}\n");
}

int
print_list(const struct seccomp_profile *p, const struct bpf *prog, bool json, struct buf *out)
{
	uint32_t arch = p->archs[0], base = arch_number_base(arch);
	auto_ranges struct bpf_ranges ranges = {0};
	if (bpf_split(prog, arch_audit(arch), &ranges) < 0)
		return -1;
	if (!json)
		buf_addf(out, "%-30s %5s  %s\n", "CALL", "NR", "VERDICT");
	for (int n = 0; n < NUMBERS; n++) {
		auto_buf struct buf verdict = BUF_INIT, conditions = BUF_INIT;
		auto_free char *name = call_name(arch, n + (int)base);
		if (!name)
			continue;
		const struct sock_filter *end = &prog->v[range_of(&ranges, (uint32_t)n + base)->at];
		if (end->code == (BPF_RET | BPF_K)) {
			bpf_verdict_text(end->k, &verdict);
		} else {
			buf_adds(&verdict, "by its arguments");
			conditions_text(p, name, &conditions);
		}
		print_line(name, n, buf_str(&verdict), buf_str(&conditions), json, out);
	}
	return 0;
}

int
print_c(const struct seccomp_profile *p, const struct bpf *prog, struct buf *out)
{
	uint64_t wider = 0;
	if (profile_wider(p, &wider) < 0)
		return -1;
	buf_adds(out, "/* Made by seccomp-bpf from a profile. */\n#include \"mech/seccomp.h\"\n\n");
	buf_adds(out, "const struct sock_filter seccomp_default[] = {\n");
	for (size_t i = 0; i < prog->n; i++)
		buf_addf(out, "\t{0x%02x, %u, %u, 0x%08x},\n", prog->v[i].code, prog->v[i].jt,
			prog->v[i].jf, prog->v[i].k);
	buf_addf(out, "};\nconst unsigned short seccomp_default_len = %zu;\n", prog->n);
	buf_addf(out, "const uint64_t seccomp_default_wider = 0x%" PRIx64 ";\n", wider);
	return 0;
}
