/* SPDX-License-Identifier: MIT
 * From a profile to a filter. libseccomp (seen by this file and seccomp_names.c) knows the numbers
 * of the calls on each machine and what rules about arguments mean. Rules where the number alone
 * decides are nearly all; they are written down here as ranges, because libseccomp would take 20 ms
 * for those of the default profile, and a program three times as long (bpf.h).
 */
#include "base/auto.h"
#include "base/err.h"
#include "mech/seccomp_profile.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static void
release_(const scmp_filter_ctx *ctx)
{
	seccomp_release(*ctx);
}
#define auto_ctx __attribute__((cleanup(release_)))

static int
failed(int no, const char *what, const char *object)
{
	errno = -no;
	return err_sys("libseccomp", object, "cannot %s %s", what, object);
}

static int
add_rule(scmp_filter_ctx ctx, const struct seccomp_rule *r, const char *name)
{
	int result = 0, number = seccomp_syscall_resolve_name(name);
	if (number == __NR_SCMP_ERROR)
		return 0;
	if (r->any)
		for (unsigned i = 0; i < r->n_args && (result == 0 || result == -EEXIST); i++)
			result = seccomp_rule_add_array(ctx, r->action, number, 1, &r->args[i]);
	else
		result = seccomp_rule_add_array(ctx, r->action, number, r->n_args, r->args);
	/* The same rule twice is the same rule. */
	return result == 0 || result == -EEXIST ? 0 : failed(result, "add the rule for", name);
}

static bool
has_conditions(const struct seccomp_profile *p, const char *name)
{
	for (size_t i = 0; i < p->conditional.n; i++)
		if (strcmp(p->conditional.v[i], name) == 0)
			return true;
	return false;
}

/* Some machines have one call, socketcall(2) or ipc(2), for many: there a rule for one of those is
 * a rule about an argument. libseccomp gives those a number below 0, and the rewritten one. */
static bool
is_part_of_another(uint32_t arch, const char *name)
{
	return seccomp_syscall_resolve_name_arch(arch, name) < 0 &&
		seccomp_syscall_resolve_name_rewrite(arch, name) >= 0;
}

static bool
by_number(const struct seccomp_profile *p, uint32_t arch, const struct seccomp_rule *r,
	const char *name)
{
	return !r->n_args && !has_conditions(p, name) && !is_part_of_another(arch, name);
}

/* The rules that are about more than the number, for one machine. Those for calls that it does not
 * have are kept from libseccomp: where such a rule comes first, 2.5.4 forgets to load the number.
 */
static int
add_rules(scmp_filter_ctx ctx, const struct seccomp_profile *p, uint32_t arch)
{
	const char *name;
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct seccomp_rule *r = &p->rules[i];
		/* Saying again what holds anyway is refused by libseccomp. */
		if (r->action == p->action)
			continue;
		for (size_t k = 0; (name = profile_rule_name(r, k)) != NULL; k++) {
			if (by_number(p, arch, r, name) ||
				seccomp_syscall_resolve_name_rewrite(arch, name) < 0)
				continue;
			if (add_rule(ctx, r, name) < 0)
				return -1;
		}
	}
	return 0;
}

/* libseccomp gives its program to a descriptor only. */
static int export(scmp_filter_ctx ctx, struct bpf *out)
{
	struct stat sb;
	auto_fd int fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys("memfd_create", NULL, "cannot make room for the filter");
	int r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return failed(r, "write", "the filter");
	if (fstat(fd, &sb) < 0)
		return err_sys("fstat", NULL, "cannot read the filter");
	out->n = (size_t)sb.st_size / sizeof(*out->v);
	out->v = calloc(out->n, sizeof(*out->v));
	if (!out->v)
		abort();
	if (pread(fd, out->v, (size_t)sb.st_size, 0) != sb.st_size)
		return err_sys("pread", NULL, "cannot read the filter");
	return 0;
}

/* The place of a return that ranges can point to: the first such one, or a new one behind the end.
 */
static size_t
find_return(struct bpf *prog, uint32_t verdict)
{
	for (size_t i = 0; i < prog->n; i++)
		if (prog->v[i].code == (BPF_RET | BPF_K) && prog->v[i].k == verdict)
			return i;
	prog->v = reallocarray(prog->v, prog->n + 1, sizeof(*prog->v));
	if (!prog->v)
		abort();
	prog->v[prog->n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
	return prog->n++;
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct bpf_range *x = a, *y = b;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Of two rules for one number the first counts, as with libseccomp. */
static void
add_number(struct bpf_ranges *list, uint32_t n, size_t at)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].lo == n)
			return;
	list->v = reallocarray(list->v, list->n + 1, sizeof(*list->v));
	if (!list->v)
		abort();
	list->v[list->n++] = (struct bpf_range){n, n, at};
}

/* The rules that libseccomp did not get, because the number decides or because it is too old. */
static void
set_by_number(
	const struct seccomp_profile *p, uint32_t arch, struct bpf *prog, struct bpf_ranges *ranges)
{
	const char *name;
	struct bpf_ranges over = {0};
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct seccomp_rule *r = &p->rules[i];
		size_t at = find_return(prog, r->action);
		if (r->action == p->action)
			continue;
		for (size_t k = 0; (name = profile_rule_name(r, k)) != NULL; k++) {
			int n = by_number(p, arch, r, name) ? call_number(arch, name) : -1;
			if (n >= 0)
				add_number(&over, (uint32_t)n, at);
		}
	}
	if (over.n)
		qsort(over.v, over.n, sizeof(*over.v), compare_ranges);
	bpf_ranges_set(ranges, over.v, over.n);
	bpf_ranges_free(&over);
}

static int
last_number(const struct seccomp_profile *p, uint32_t arch)
{
	const char *name;
	int last = -1;
	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t k = 0; (name = profile_rule_name(&p->rules[i], k)) != NULL; k++) {
			int n = call_number(arch, name);
			last = n > last ? n : last;
		}
	return last;
}

/* Calls that the author of the profile could not know answer as an older kernel would. */
static void
set_unknown(const struct seccomp_profile *p, uint32_t arch, struct bpf *prog, struct bpf_ranges *r)
{
	int last = last_number(p, arch);
	bool lets_pass = p->action == SCMP_ACT_ALLOW || p->action == SCMP_ACT_LOG ||
		(p->action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRACE;
	if (last <= 0 || lets_pass || p->action == SCMP_ACT_ERRNO(ENOSYS))
		return;
	size_t at = find_return(prog, SCMP_ACT_ERRNO(ENOSYS));
	uint32_t from = (uint32_t)last + 1;
	if (arch_audit(arch) != AUDIT_ARCH_X86_64) {
		bpf_ranges_set(r, &(struct bpf_range){from, UINT32_MAX, at}, 1);
		return;
	}
	/* Bit 30 tells x32 from x86_64, whatever bit 31 is. */
	uint32_t base = arch_number_base(arch), high = base | 0x80000000u;
	struct bpf_range both[] = {
		{from, base | (ARCH_X32_BIT - 1), at}, {high, high | (ARCH_X32_BIT - 1), at}};
	bpf_ranges_set(r, both, 2);
}

/* libseccomp's program for one machine alone. */
static int
with_libseccomp(const struct seccomp_profile *p, uint32_t arch, struct bpf *out)
{
	uint32_t native = seccomp_arch_native();
	auto_ctx scmp_filter_ctx ctx = seccomp_init(p->action);
	if (!ctx)
		return err_set(ERR_INVALID, p->file, "libseccomp refuses the default action");
	int r = arch == native ? 0 : seccomp_arch_add(ctx, arch);
	if (r == 0 && arch != native)
		r = seccomp_arch_remove(ctx, native);
	if (r < 0)
		return failed(r, "filter for the machine", arch_name(arch));
	return add_rules(ctx, p, arch) < 0 ? -1 : export(ctx, out);
}

/* Puts a program behind the others. Its jumps are relative, so they stay right; the ranges that
 * point into it move along. */
static void
join(struct bpf *all, const struct bpf *prog, struct bpf_ranges *r)
{
	size_t before = all->n;
	all->v = reallocarray(all->v, before + prog->n, sizeof(*all->v));
	if (!all->v)
		abort();
	if (prog->n)
		memcpy(all->v + before, prog->v, prog->n * sizeof(*all->v));
	all->n += prog->n;
	for (size_t i = 0; i < r->n; i++)
		r->v[i].at += before;
}

/* x32 and x86_64 are one machine to the kernel; the numbers from bit 30 up are x32's. Lays the part
 * that is `arch`'s over what the other says. */
static void
share_numbers(struct bpf_ranges *both, struct bpf_ranges *r, uint32_t arch)
{
	uint32_t lo = arch == SCMP_ARCH_X32 ? ARCH_X32_BIT : 0;
	uint32_t hi = arch == SCMP_ARCH_X32 ? UINT32_MAX : ARCH_X32_BIT - 1;
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++) {
		struct bpf_range one = r->v[i];
		one.lo = one.lo < lo ? lo : one.lo;
		one.hi = one.hi > hi ? hi : one.hi;
		if (one.lo <= one.hi)
			r->v[n++] = one;
	}
	bpf_ranges_set(both, r->v, n);
	bpf_ranges_free(r);
}

/* What the profile says of one machine, from the rules about arguments to the single numbers. */
static int
one_machine(
	const struct seccomp_profile *p, uint32_t audit, struct bpf *all, struct bpf_ranges *out)
{
	for (unsigned i = 0; i < p->n_archs; i++) {
		auto_bpf struct bpf prog = {0};
		auto_ranges struct bpf_ranges r = {0};
		if (arch_audit(p->archs[i]) != audit)
			continue;
		if (with_libseccomp(p, p->archs[i], &prog) < 0 || bpf_split(&prog, audit, &r) < 0)
			return -1;
		join(all, &prog, &r);
		if (out->n) {
			share_numbers(out, &r, p->archs[i]);
		} else {
			*out = r;
			r = (struct bpf_ranges){0};
		}
	}
	for (unsigned i = 0; i < p->n_archs; i++) {
		if (arch_audit(p->archs[i]) != audit)
			continue;
		set_by_number(p, p->archs[i], all, out);
		set_unknown(p, p->archs[i], all, out);
	}
	return 0;
}

int
profile_compile(const struct seccomp_profile *p, struct bpf *out)
{
	struct bpf_arch archs[SECCOMP_ARCHS_MAX] = {0};
	auto_bpf struct bpf all = {0};
	size_t n = 0;
	int r = 0;
	for (unsigned i = 0; r == 0 && i < p->n_archs; i++) {
		size_t k = 0;
		uint32_t audit = arch_audit(p->archs[i]);
		while (k < n && archs[k].arch != audit)
			k++;
		if (k < n)
			continue;
		archs[n].arch = audit;
		r = one_machine(p, audit, &all, &archs[n++].ranges);
	}
	if (r == 0)
		r = bpf_build(&all, archs, n, SCMP_ACT_KILL_THREAD, out);
	while (n-- > 0)
		bpf_ranges_free(&archs[n].ranges);
	return r;
}

static int
add_everything(scmp_filter_ctx ctx, const struct seccomp_profile *p)
{
	const char *name;
	uint32_t native = seccomp_arch_native();
	bool keep_native = false;
	for (unsigned i = 0; i < p->n_archs; i++) {
		int r = seccomp_arch_add(ctx, p->archs[i]);
		if (r < 0 && r != -EEXIST)
			return failed(r, "filter for the machine", arch_name(p->archs[i]));
		keep_native |= p->archs[i] == native;
	}
	if (!keep_native)
		seccomp_arch_remove(ctx, native);
	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t k = 0; (name = profile_rule_name(&p->rules[i], k)) != NULL; k++)
			if (p->rules[i].action != p->action &&
				add_rule(ctx, &p->rules[i], name) < 0)
				return -1;
	return 0;
}

int
profile_compile_plain(const struct seccomp_profile *p, struct bpf *out)
{
	auto_ctx scmp_filter_ctx ctx = seccomp_init(p->action);
	if (!ctx)
		return err_set(ERR_INVALID, p->file, "libseccomp refuses the default action");
	return add_everything(ctx, p) < 0 ? -1 : export(ctx, out);
}
