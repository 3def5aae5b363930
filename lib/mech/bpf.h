/* SPDX-License-Identifier: MIT
 * Classic BPF programs as seccomp(2) takes them: run one, print one, and make a large one small.
 * A filter reads 32-bit words of struct seccomp_data (system call number, machine, arguments) and
 * returns what the kernel shall do. Pure: nothing here loads a filter.
 */
#ifndef TACKLE_BPF_H
#define TACKLE_BPF_H

#include "base/buf.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

struct bpf {
	struct sock_filter *v;
	size_t n;
};

void bpf_free(struct bpf *prog);
#define auto_bpf __attribute__((cleanup(bpf_free)))

/* Runs the program as the kernel would. Gives the SECCOMP_RET_* word in *verdict. Returns 0, or -1
 * with `err` set where the kernel would have refused to load it (unknown instruction, jump or end
 * outside). */
int bpf_run(const struct bpf *prog, const struct seccomp_data *data, uint32_t *verdict);

/* What a filter says of the numbers lo to hi (both included) of one machine. */
struct bpf_range {
	uint32_t lo;
	uint32_t hi;
	/* Where the program has got to when the number is all it looked at: at a return, which is
	 * the verdict, or at an instruction that reads an argument. */
	size_t at;
};

struct bpf_ranges {
	struct bpf_range *v;
	size_t n;
};

void bpf_ranges_free(struct bpf_ranges *r);
#define auto_ranges __attribute__((cleanup(bpf_ranges_free)))

/* For each instruction the last one that does the same from there on, or itself. The caller frees.
 */
size_t *bpf_same(const struct bpf *prog);

/* Divides all numbers of a machine (AUDIT_ARCH_*, audit.h) into ranges, in order, neighbours
 * different. Returns 0, or -1 with `err` set (unsupported) when the program looks at the number in
 * a way we cannot follow. */
int bpf_split(const struct bpf *prog, uint32_t arch, struct bpf_ranges *out);
/* Lets numbers end elsewhere, whatever they did before: over[] is sorted by lo; of two that overlap
 * the first counts. */
void bpf_ranges_set(struct bpf_ranges *r, const struct bpf_range *over, size_t n);
/* Replaces each end by same[end], and makes one of neighbours that end alike. */
void bpf_ranges_merge(struct bpf_ranges *r, const size_t *same);

/* One machine of a filter to be built: its ranges point into `from`. Building merges them. */
struct bpf_arch {
	uint32_t arch;
	struct bpf_ranges ranges;
};

/* Builds a filter that decides as the ranges say, and by `other` for a machine not listed: a binary
 * search over ranges of numbers instead of one comparison a number, so that it is a tenth of the
 * size and quick to load (the kernel runs a new filter once for every number, to find those it need
 * not run it for: seccomp_cache_prepare, kernel/seccomp.c). Returns 0, or -1 with `err` set when
 * the result would pass BPF_MAXINSNS. */
int bpf_build(
	const struct bpf *from, struct bpf_arch *archs, size_t n, uint32_t other, struct bpf *out);

/* Appends the program in the assembler form of the kernel's documentation (networking/filter),
 * one numbered line an instruction. */
void bpf_print(const struct bpf *prog, struct buf *out);
/* Appends "allow", "errno EPERM", "kill process" … */
void bpf_verdict_text(uint32_t verdict, struct buf *out);

#endif
