/* SPDX-License-Identifier: MIT
 * Writing a filter. Jumps of BPF go forward only, and those that compare reach 255 instructions; so
 * the program is written from its last instruction to its first, and each target is known before
 * the jump to it.
 */
#include "base/err.h"
#include "mech/bpf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* How far we let a comparison jump: what may still come between it and its target (two long jumps,
 * the comparison itself) takes the rest of the 255. */
#define REACH 250

struct writer {
	struct sock_filter v[BPF_MAXINSNS];
	size_t first; /* where the program begins by now; it ends at BPF_MAXINSNS */
	bool full;
	bool broken; /* `from` leads behind its end */
	const struct bpf *from;
	size_t *same; /* bpf_same() of it */
	size_t *copied; /* where an instruction of it went, 0 where it did not yet */
};

/* Puts one instruction in front. Returns its place. */
static size_t
put(struct writer *w, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (w->first == 0) {
		w->full = true;
		return 0;
	}
	w->v[--w->first] = (struct sock_filter){.code = code, .jt = jt, .jf = jf, .k = k};
	return w->first;
}

/* A place the next comparison can jump to, and that leads to `target`. */
static size_t
reach(struct writer *w, size_t target)
{
	if (target - w->first <= REACH)
		return target;
	return put(w, BPF_JMP | BPF_JA, 0, 0, (uint32_t)(target - w->first));
}

static size_t
put_jump(struct writer *w, uint16_t op, uint32_t k, size_t yes, size_t no)
{
	yes = reach(w, yes);
	no = reach(w, no);
	return put(w, BPF_JMP | op | BPF_K, (uint8_t)(yes - w->first), (uint8_t)(no - w->first), k);
}

/* Copies the instruction of `from` and all it leads to. Returns its place. A return that is too far
 * away costs no more to repeat than to jump to. */
static size_t
copy(struct writer *w, size_t pc)
{
	if (pc >= w->from->n)
		w->broken = true;
	if (w->full || w->broken)
		return 0;
	pc = w->same[pc];
	const struct sock_filter *in = &w->from->v[pc];
	bool is_return = BPF_CLASS(in->code) == BPF_RET;
	size_t there = w->copied[pc];
	if (there && (!is_return || there - w->first <= REACH))
		return there;
	if (is_return) {
		there = put(w, in->code, 0, 0, in->k);
	} else if (in->code == (BPF_JMP | BPF_JA)) {
		there = copy(w, pc + 1 + in->k);
	} else if (BPF_CLASS(in->code) == BPF_JMP) {
		size_t no = copy(w, pc + 1 + in->jf), yes = copy(w, pc + 1 + in->jt);
		there = put_jump(w, BPF_OP(in->code), in->k, yes, no);
	} else {
		size_t next = copy(w, pc + 1);
		if (next != w->first)
			put(w, BPF_JMP | BPF_JA, 0, 0, (uint32_t)(next - w->first));
		there = put(w, in->code, 0, 0, in->k);
	}
	w->copied[pc] = there;
	return there;
}

/* How many single numbers are asked for one after another before the search divides instead. */
#define CHAIN 4

/* The last range of a stretch that begins with a: ranges of one verdict, with nothing but single
 * numbers between them. Each of those takes one comparison, where two borders would take two. */
static size_t
stretch(const struct bpf_ranges *r, size_t a)
{
	size_t b = a;
	while (b + 2 < r->n && b - a < 2 * CHAIN && r->v[b + 2].at == r->v[a].at &&
		r->v[b + 1].lo == r->v[b + 1].hi)
		b += 2;
	return b;
}

static size_t
put_stretch(struct writer *w, const struct bpf_ranges *r, size_t a)
{
	size_t rest = copy(w, r->v[a].at);
	for (size_t i = stretch(r, a); i > a; i -= 2) {
		size_t one = copy(w, r->v[i - 1].at);
		rest = put_jump(w, BPF_JEQ, r->v[i - 1].lo, one, rest);
	}
	return rest;
}

/* A binary search over n stretches, given by their first ranges. Returns its place. */
static size_t
search(struct writer *w, const struct bpf_ranges *r, const size_t *first, size_t n)
{
	if (w->full || w->broken)
		return 0;
	if (n == 1)
		return put_stretch(w, r, first[0]);
	size_t low_n = n / 2;
	size_t high = search(w, r, first + low_n, n - low_n);
	size_t low = search(w, r, first, low_n);
	return put_jump(w, BPF_JGE, r->v[first[low_n]].lo, high, low);
}

static size_t
put_ranges(struct writer *w, const struct bpf_ranges *r)
{
	size_t n = 0, *first = calloc(r->n, sizeof(*first));
	if (!first)
		abort();
	for (size_t a = 0; a < r->n; a = stretch(r, a) + 1)
		first[n++] = a;
	size_t place = search(w, r, first, n);
	free(first);
	return place;
}

/* The search among the numbers of one machine, behind its comparison; `next` is where it goes on
 * for another machine. */
static size_t
machine(struct writer *w, const struct bpf_arch *a, size_t next)
{
	size_t place = put_ranges(w, &a->ranges);
	if (place != w->first)
		put(w, BPF_JMP | BPF_JA, 0, 0, (uint32_t)(place - w->first));
	size_t mine = put(w, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	return put_jump(w, BPF_JEQ, a->arch, mine, next);
}

static int
finish(const struct writer *w, struct bpf *out)
{
	if (w->broken)
		return err_set(ERR_INVALID, NULL, "the filter ends without a verdict");
	if (w->full)
		return err_set(ERR_UNSUPPORTED, NULL,
			"the filter is longer than the %d instructions that the kernel takes",
			BPF_MAXINSNS);
	out->n = BPF_MAXINSNS - w->first;
	out->v = malloc(out->n * sizeof(*out->v));
	if (!out->v)
		abort();
	memcpy(out->v, w->v + w->first, out->n * sizeof(*out->v));
	return 0;
}

int
bpf_build(const struct bpf *from, struct bpf_arch *archs, size_t n, uint32_t other, struct bpf *out)
{
	struct writer *w = calloc(1, sizeof(*w));
	size_t *copied = calloc(from->n + 1, sizeof(*copied));
	if (!w || !copied)
		abort();
	w->from = from;
	w->copied = copied;
	w->same = bpf_same(from);
	w->first = BPF_MAXINSNS;
	size_t next = put(w, BPF_RET | BPF_K, 0, 0, other);
	/* The last one written is the first one asked: archs[0], the machine itself. */
	while (n-- > 0) {
		bpf_ranges_merge(&archs[n].ranges, w->same);
		next = machine(w, &archs[n], next);
	}
	put(w, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	int r = finish(w, out);
	free(copied);
	free(w->same);
	free(w);
	return r;
}
