/* SPDX-License-Identifier: MIT
 * Running and printing a filter.
 */
#include "base/err.h"
#include "mech/bpf.h"

#include <stdlib.h>
#include <string.h>

void
bpf_free(struct bpf *prog)
{
	free(prog->v);
	*prog = (struct bpf){0};
}

/* The machine of classic BPF: an accumulator, an index register, sixteen words of memory. */
struct cpu {
	uint32_t a;
	uint32_t x;
	uint32_t mem[BPF_MEMWORDS];
};

static int
bad(size_t pc, const struct sock_filter *in)
{
	return err_set(ERR_INVALID, NULL,
		"instruction %zu (code 0x%02x) of the filter is not one seccomp takes", pc,
		in->code);
}

static int
load(struct cpu *c, const struct sock_filter *in, const struct seccomp_data *data)
{
	uint32_t *to = BPF_CLASS(in->code) == BPF_LD ? &c->a : &c->x;
	switch (BPF_MODE(in->code)) {
	case BPF_ABS:
		/* Words only, and aligned: seccomp_check_filter() insists. */
		if (in->k % 4 || in->k > sizeof(*data) - 4)
			return -1;
		memcpy(to, (const char *)data + in->k, sizeof(*to));
		return 0;
	case BPF_IMM:
		*to = in->k;
		return 0;
	case BPF_MEM:
		*to = c->mem[in->k % BPF_MEMWORDS];
		return 0;
	case BPF_LEN:
		*to = sizeof(*data);
		return 0;
	default:
		return -1;
	}
}

static int
compute(struct cpu *c, const struct sock_filter *in)
{
	uint32_t v = BPF_SRC(in->code) == BPF_X ? c->x : in->k;
	switch (BPF_OP(in->code)) {
	case BPF_ADD:
		c->a += v;
		return 0;
	case BPF_SUB:
		c->a -= v;
		return 0;
	case BPF_MUL:
		c->a *= v;
		return 0;
	case BPF_DIV:
		c->a = v ? c->a / v : 0;
		return 0;
	case BPF_AND:
		c->a &= v;
		return 0;
	case BPF_OR:
		c->a |= v;
		return 0;
	case BPF_XOR:
		c->a ^= v;
		return 0;
	case BPF_LSH:
		c->a = v < 32 ? c->a << v : 0;
		return 0;
	case BPF_RSH:
		c->a = v < 32 ? c->a >> v : 0;
		return 0;
	case BPF_NEG:
		c->a = -c->a;
		return 0;
	default:
		return -1;
	}
}

/* How many instructions to skip; -1 for an unknown comparison. */
static int64_t
jump(const struct cpu *c, const struct sock_filter *in)
{
	uint32_t v = BPF_SRC(in->code) == BPF_X ? c->x : in->k;
	switch (BPF_OP(in->code)) {
	case BPF_JA:
		return in->k;
	case BPF_JEQ:
		return c->a == v ? in->jt : in->jf;
	case BPF_JGT:
		return c->a > v ? in->jt : in->jf;
	case BPF_JGE:
		return c->a >= v ? in->jt : in->jf;
	case BPF_JSET:
		return c->a & v ? in->jt : in->jf;
	default:
		return -1;
	}
}

int
bpf_run(const struct bpf *prog, const struct seccomp_data *data, uint32_t *verdict)
{
	struct cpu c = {0};
	int64_t skip;
	for (size_t pc = 0; pc < prog->n; pc++) {
		const struct sock_filter *in = &prog->v[pc];
		switch (BPF_CLASS(in->code)) {
		case BPF_LD:
		case BPF_LDX:
			if (load(&c, in, data) < 0)
				return bad(pc, in);
			break;
		case BPF_ST:
		case BPF_STX:
			c.mem[in->k % BPF_MEMWORDS] = BPF_CLASS(in->code) == BPF_ST ? c.a : c.x;
			break;
		case BPF_ALU:
			if (compute(&c, in) < 0)
				return bad(pc, in);
			break;
		case BPF_MISC:
			if (BPF_MISCOP(in->code) == BPF_TAX)
				c.x = c.a;
			else
				c.a = c.x;
			break;
		case BPF_JMP:
			skip = jump(&c, in);
			if (skip < 0)
				return bad(pc, in);
			pc += (size_t)skip;
			break;
		case BPF_RET:
			*verdict = BPF_RVAL(in->code) == BPF_A ? c.a : in->k;
			return 0;
		}
	}
	return err_set(ERR_INVALID, NULL, "the filter ends without a verdict");
}

void
bpf_verdict_text(uint32_t verdict, struct buf *out)
{
	uint32_t data = verdict & SECCOMP_RET_DATA;
	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
		buf_adds(out, "kill process");
		break;
	case SECCOMP_RET_KILL_THREAD:
		buf_adds(out, "kill thread");
		break;
	case SECCOMP_RET_TRAP:
		buf_adds(out, "signal SIGSYS");
		break;
	case SECCOMP_RET_ERRNO:
		buf_addf(out, "errno %s", err_name((int)data));
		break;
	case SECCOMP_RET_USER_NOTIF:
		buf_adds(out, "ask a supervisor");
		break;
	case SECCOMP_RET_TRACE:
		buf_addf(out, "tell the tracer %u", data);
		break;
	case SECCOMP_RET_LOG:
		buf_adds(out, "log and allow");
		break;
	case SECCOMP_RET_ALLOW:
		buf_adds(out, "allow");
		break;
	default:
		buf_addf(out, "0x%08x", verdict);
	}
}

/* What a word of struct seccomp_data is, for the comment behind a load. */
static void
print_word(uint32_t off, struct buf *out)
{
	if (off == offsetof(struct seccomp_data, nr))
		buf_adds(out, "\t; the number");
	else if (off == offsetof(struct seccomp_data, arch))
		buf_adds(out, "\t; the machine");
	else if (off >= offsetof(struct seccomp_data, args))
		buf_addf(out, "\t; argument %u, %s half", (off - 16) / 8,
			(off / 4) % 2 ? "high" : "low");
}

static void
print_jump(size_t pc, const struct sock_filter *in, struct buf *out)
{
	static const char *const names[] = {[BPF_JEQ >> 4] = "jeq",
		[BPF_JGT >> 4] = "jgt",
		[BPF_JGE >> 4] = "jge",
		[BPF_JSET >> 4] = "jset"};
	unsigned op = BPF_OP(in->code) >> 4;
	if (BPF_OP(in->code) == BPF_JA)
		buf_addf(out, "jmp %zu", pc + 1 + in->k);
	else
		buf_addf(out, "%s #0x%x, %zu, %zu",
			op < sizeof(names) / sizeof(*names) ? names[op] : "j?", in->k,
			pc + 1 + in->jt, pc + 1 + in->jf);
}

void
bpf_print(const struct bpf *prog, struct buf *out)
{
	for (size_t pc = 0; pc < prog->n; pc++) {
		const struct sock_filter *in = &prog->v[pc];
		buf_addf(out, "%4zu: ", pc);
		if (in->code == (BPF_LD | BPF_W | BPF_ABS)) {
			buf_addf(out, "ld [%u]", in->k);
			print_word(in->k, out);
		} else if (BPF_CLASS(in->code) == BPF_JMP) {
			print_jump(pc, in, out);
		} else if (in->code == (BPF_RET | BPF_K)) {
			buf_addf(out, "ret #0x%08x\t; ", in->k);
			bpf_verdict_text(in->k, out);
		} else if (in->code == (BPF_ALU | BPF_AND | BPF_K)) {
			buf_addf(out, "and #0x%x", in->k);
		} else {
			buf_addf(
				out, ".code 0x%02x, %u, %u, 0x%x", in->code, in->jt, in->jf, in->k);
		}
		buf_addc(out, '\n');
	}
}
