/* SPDX-License-Identifier: MIT
 * What a filter says of each system call number, found by following the program for all numbers at
 * once: the set of numbers starts as one range and is divided wherever the program compares.
 */
#include "base/err.h"
#include "mech/bpf.h"

#include <stdlib.h>
#include <string.h>

void
bpf_ranges_free(struct bpf_ranges *r)
{
	free(r->v);
	*r = (struct bpf_ranges){0};
}

static void
append(struct bpf_ranges *r, uint32_t lo, uint32_t hi, size_t at)
{
	if (r->n && r->v[r->n - 1].at == at) {
		r->v[r->n - 1].hi = hi;
		return;
	}
	struct bpf_range *v = reallocarray(r->v, r->n + 1, sizeof(*v));
	if (!v)
		abort();
	v[r->n++] = (struct bpf_range){.lo = lo, .hi = hi, .at = at};
	r->v = v;
}

void
bpf_ranges_set(struct bpf_ranges *r, uint32_t lo, uint32_t hi, size_t at)
{
	struct bpf_ranges next = {0};
	for (size_t i = 0; i < r->n; i++) {
		const struct bpf_range *old = &r->v[i];
		if (old->hi < lo || old->lo > hi) {
			append(&next, old->lo, old->hi, old->at);
			continue;
		}
		if (old->lo < lo)
			append(&next, old->lo, lo - 1, old->at);
		if (old->lo <= lo)
			append(&next, lo, hi, at);
		if (old->hi > hi)
			append(&next, hi + 1, old->hi, old->at);
	}
	bpf_ranges_free(r);
	*r = next;
}

enum holds { HOLDS_NOTHING, HOLDS_NUMBER, HOLDS_ARCH };

struct walk {
	const struct bpf *prog;
	uint32_t arch;
	struct bpf_ranges *out;
	/* Returns with the same value are one verdict wherever they stand: the first of each. */
	size_t *canon;
};

static int
lost(size_t pc)
{
	return err_set(ERR_UNSUPPORTED, NULL, "cannot follow instruction %zu of the filter", pc);
}

static int follow(const struct walk *w, size_t pc, enum holds a, uint32_t lo, uint32_t hi);

/* The number is compared with k: both ways are followed, the lower numbers first, so that ranges
 * come out in order. */
static int
branch(const struct walk *w, size_t pc, uint32_t lo, uint32_t hi)
{
	const struct sock_filter *in = &w->prog->v[pc];
	size_t yes = pc + 1 + in->jt, no = pc + 1 + in->jf;
	uint32_t k = in->k;
	switch (BPF_OP(in->code)) {
	case BPF_JEQ:
		if (k < lo || k > hi)
			return follow(w, no, HOLDS_NUMBER, lo, hi);
		if (k > lo && follow(w, no, HOLDS_NUMBER, lo, k - 1) < 0)
			return -1;
		if (follow(w, yes, HOLDS_NUMBER, k, k) < 0)
			return -1;
		return k < hi ? follow(w, no, HOLDS_NUMBER, k + 1, hi) : 0;
	case BPF_JGT:
		if (k == UINT32_MAX)
			return follow(w, no, HOLDS_NUMBER, lo, hi);
		k++;
		/* fall through */
	case BPF_JGE:
		if (k > lo && follow(w, no, HOLDS_NUMBER, lo, k - 1 < hi ? k - 1 : hi) < 0)
			return -1;
		return k <= hi ? follow(w, yes, HOLDS_NUMBER, k > lo ? k : lo, hi) : 0;
	default:
		return lost(pc);
	}
}

static int
follow(const struct walk *w, size_t pc, enum holds a, uint32_t lo, uint32_t hi)
{
	while (pc < w->prog->n) {
		const struct sock_filter *in = &w->prog->v[pc];
		if (in->code == (BPF_LD | BPF_W | BPF_ABS) && in->k == 0) {
			a = HOLDS_NUMBER;
			pc++;
		} else if (in->code == (BPF_LD | BPF_W | BPF_ABS) && in->k == 4) {
			a = HOLDS_ARCH;
			pc++;
		} else if (in->code == (BPF_JMP | BPF_JA)) {
			pc += 1 + (size_t)in->k;
		} else if (in->code == (BPF_JMP | BPF_JEQ | BPF_K) && a == HOLDS_ARCH) {
			pc += 1 + (size_t)(w->arch == in->k ? in->jt : in->jf);
		} else if (BPF_CLASS(in->code) == BPF_JMP && BPF_SRC(in->code) == BPF_K &&
			a == HOLDS_NUMBER) {
			return branch(w, pc, lo, hi);
		} else if (in->code == (BPF_RET | BPF_K) ||
			in->code == (BPF_LD | BPF_W | BPF_ABS)) {
			append(w->out, lo, hi, w->canon[pc]);
			return 0;
		} else {
			return lost(pc);
		}
	}
	return lost(pc);
}

/* For each instruction, the first one that is the same return, or itself. */
static size_t *
canonical(const struct bpf *prog)
{
	size_t *canon = calloc(prog->n + 1, sizeof(*canon));
	if (!canon)
		abort();
	for (size_t i = 0; i < prog->n; i++) {
		size_t first = i;
		if (prog->v[i].code == (BPF_RET | BPF_K))
			for (first = 0;
				memcmp(&prog->v[first], &prog->v[i], sizeof(prog->v[i])) != 0;)
				first++;
		canon[i] = first;
	}
	return canon;
}

int
bpf_split(const struct bpf *prog, uint32_t arch, struct bpf_ranges *out)
{
	struct walk w = {.prog = prog, .arch = arch, .out = out, .canon = canonical(prog)};
	int r = follow(&w, 0, HOLDS_NOTHING, 0, UINT32_MAX);
	free(w.canon);
	return r;
}
