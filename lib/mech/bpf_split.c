/* SPDX-License-Identifier: MIT
 * What a filter says of each system call number, found by following the program for all numbers at
 * once: the set of numbers starts as one range and is divided wherever the program compares.
 */
#include "base/err.h"
#include "mech/bpf.h"

#include <stdbool.h>
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

/* Copies old, with what lies over it in its place. *k goes on through over[]. */
static void
lay_over(struct bpf_ranges *out, const struct bpf_range *old, const struct bpf_range *over,
	size_t n, size_t *k)
{
	uint64_t lo = old->lo;
	for (; *k < n && over[*k].lo <= old->hi; ++*k) {
		const struct bpf_range *o = &over[*k];
		uint64_t from = o->lo > lo ? o->lo : lo;
		uint32_t to = o->hi < old->hi ? o->hi : old->hi;
		if (from > to)
			continue;
		if (from > lo)
			append(out, (uint32_t)lo, (uint32_t)from - 1, old->at);
		append(out, (uint32_t)from, to, o->at);
		lo = (uint64_t)to + 1;
		/* It goes on over the next old range. */
		if (o->hi > old->hi)
			break;
	}
	if (lo <= old->hi)
		append(out, (uint32_t)lo, old->hi, old->at);
}

void
bpf_ranges_set(struct bpf_ranges *r, const struct bpf_range *over, size_t n)
{
	struct bpf_ranges next = {0};
	size_t k = 0;
	for (size_t i = 0; i < r->n; i++)
		lay_over(&next, &r->v[i], over, n, &k);
	bpf_ranges_free(r);
	*r = next;
}

void
bpf_ranges_merge(struct bpf_ranges *r, const size_t *same)
{
	struct bpf_ranges next = {0};
	for (size_t i = 0; i < r->n; i++)
		append(&next, r->v[i].lo, r->v[i].hi, same[r->v[i].at]);
	bpf_ranges_free(r);
	*r = next;
}

enum holds { HOLDS_NOTHING, HOLDS_NUMBER, HOLDS_ARCH };

struct walk {
	const struct bpf *prog;
	uint32_t arch;
	struct bpf_ranges *out;
	size_t *same; /* the same verdict is the same wherever it stands */
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
			append(w->out, lo, hi, w->same[pc]);
			return 0;
		} else {
			return lost(pc);
		}
	}
	return lost(pc);
}

/* Where an instruction goes on, besides the next one: the place behind its jump, or none. */
static size_t
goes_on(const struct bpf *prog, size_t i, bool yes, const size_t *same)
{
	const struct sock_filter *in = &prog->v[i];
	size_t to = i + 1;
	if (BPF_CLASS(in->code) == BPF_RET)
		return SIZE_MAX;
	if (in->code == (BPF_JMP | BPF_JA))
		to += in->k;
	else if (BPF_CLASS(in->code) == BPF_JMP)
		to += yes ? in->jt : in->jf;
	return to < prog->n ? same[to] : SIZE_MAX;
}

size_t *
bpf_same(const struct bpf *prog)
{
	size_t *same = calloc(prog->n + 1, sizeof(*same));
	if (!same)
		abort();
	/* Jumps go forward, so what they lead to is known already. */
	for (size_t i = prog->n; i-- > 0;) {
		size_t yes = goes_on(prog, i, true, same), no = goes_on(prog, i, false, same);
		size_t k = prog->n - 1;
		while (k > i &&
			(prog->v[k].code != prog->v[i].code || prog->v[k].k != prog->v[i].k ||
				goes_on(prog, k, true, same) != yes ||
				goes_on(prog, k, false, same) != no))
			k--;
		same[i] = k;
	}
	return same;
}

int
bpf_split(const struct bpf *prog, uint32_t arch, struct bpf_ranges *out)
{
	struct walk w = {.prog = prog, .arch = arch, .out = out, .same = bpf_same(prog)};
	int r = follow(&w, 0, HOLDS_NOTHING, 0, UINT32_MAX);
	free(w.same);
	return r;
}
