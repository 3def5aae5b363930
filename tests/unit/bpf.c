/* SPDX-License-Identifier: MIT
 * Filters: ours decide as libseccomp's do, for every number of every machine and for the arguments
 * that rules speak of; and the default one decides as its profile says.
 */
#include "base/file.h"
#include "mech/ct.h"
#include "mech/seccomp.h"
#include "mech/seccomp_builtin.h"
#include "mech/seccomp_profile.h"
#include "unit.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <stdlib.h>

static const uint32_t audit_archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
	AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64, AUDIT_ARCH_S390X, 0, UINT32_MAX};

/* What rules compare arguments with, and what lies beside it. */
static const uint64_t values[] = {0, 1, 7, 8, 9, 11, 12, 13, 16, 17, 19, 38, 39, 40, 41, 45, 46,
	131072, 131080, 0x7e020000, 0x20000, 0x10000000, 0x7e020000 | 17, 0xfffffffe, 0xffffffff,
	0x100000000, 0x100000008, UINT64_MAX};

static uint32_t
verdict(const struct bpf *prog, uint32_t arch, uint32_t number, uint64_t a0, uint64_t a1)
{
	struct seccomp_data data = {.nr = (int)number, .arch = arch, .args = {a0, a1}};
	uint32_t v = 0xdeadbeef;
	CHECK(bpf_run(prog, &data, &v) == 0, "%s", err.message);
	return v;
}

/* Numbers near every border that a table of calls can have. */
static bool
next_number(uint32_t *n)
{
	static const uint32_t jumps[][2] = {{700, 4000}, {4010, 0x3ffffff0},
		{0x40000300, 0x7ffffff0}, {0x80000100, 0xbffffff0}, {0xc0000100, 0xfffffff0}};
	if (*n == UINT32_MAX)
		return false;
	++*n;
	for (size_t i = 0; i < N_ROWS(jumps); i++)
		if (*n == jumps[i][0])
			*n = jumps[i][1];
	return true;
}

/* The numbers that a profile names on one machine, looked up once. */
static struct book {
	struct {
		int number;
		uint32_t action;
	} v[4096];
	size_t n;
	int last;
} books[SECCOMP_ARCHS_MAX];

static void
write_book(struct book *b, const struct seccomp_profile *p, uint32_t arch)
{
	const char *name;
	b->n = 0;
	b->last = 0;
	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t k = 0; (name = profile_rule_name(&p->rules[i], k)) != NULL; k++) {
			int n = call_number(arch, name);
			if (n < 0)
				continue;
			b->v[b->n].number = n;
			b->v[b->n++].action = p->rules[i].action;
			b->last = n > b->last ? n : b->last;
		}
}

static uint32_t
look_up(const struct book *b, uint32_t number, uint32_t otherwise)
{
	for (size_t i = 0; i < b->n; i++)
		if ((uint32_t)b->v[i].number == number)
			otherwise = b->v[i].action;
	return otherwise;
}

/* Where we mean to differ from libseccomp: calls it is too old for, and ENOSYS behind the last one
 * that the profile names. */
static uint32_t
meant(const struct seccomp_profile *p, uint32_t audit, uint32_t number, uint32_t theirs)
{
	const uint32_t enosys = SECCOMP_RET_ERRNO | ENOSYS;
	bool refuses = p->action != SECCOMP_RET_ALLOW && p->action != SECCOMP_RET_LOG &&
		p->action != enosys;
	for (unsigned i = 0; i < p->n_archs; i++) {
		uint32_t arch = p->archs[i], x32 = number & 0x40000000;
		if (arch_audit(arch) != audit ||
			(audit == AUDIT_ARCH_X86_64 && (arch == SCMP_ARCH_X32) != (x32 != 0)))
			continue;
		if (books[i].last && refuses && number > (uint32_t)books[i].last)
			return enosys;
		if (theirs == p->action && (number & ~x32) >= 258)
			return look_up(&books[i], number, p->action);
	}
	return theirs;
}

static void
compare_number(const struct seccomp_profile *p, const struct bpf *theirs, const struct bpf *ours,
	uint32_t audit, uint32_t n)
{
	/* Far away from calls that exist there are no arguments. */
	size_t step = (n & 0x3fffffff) < 600 ? 1 : N_ROWS(values) - 1;
	uint32_t t0 = verdict(theirs, audit, n, 0, 0), same = meant(p, audit, n, t0);
	for (size_t i = 0; i < N_ROWS(values); i += step) {
		uint64_t other = values[N_ROWS(values) - 1 - i];
		uint32_t t = verdict(theirs, audit, n, values[i], other);
		uint32_t o = verdict(ours, audit, n, values[i], other);
		if (t == t0)
			t = same;
		CHECK(t == o,
			"%s machine %08x number %u arg0 %" PRIx64 ": libseccomp %08x, we %08x",
			p->file, audit, n, values[i], t, o);
	}
}

static void
compare(const struct seccomp_profile *p, const struct bpf *theirs, const struct bpf *ours)
{
	for (unsigned i = 0; i < p->n_archs; i++)
		write_book(&books[i], p, p->archs[i]);
	for (size_t a = 0; a < N_ROWS(audit_archs); a++) {
		uint32_t n = 0;
		bool foreign = true;
		for (unsigned i = 0; i < p->n_archs; i++)
			foreign &= arch_audit(p->archs[i]) != audit_archs[a];
		do
			compare_number(p, theirs, ours, audit_archs[a], n);
		while (unit_failed_checks < 5 && next_number(&n) && (!foreign || n < 10));
	}
}

static void
compare_text(const char *name, const char *text, const struct seccomp_target *t)
{
	auto_profile struct seccomp_profile p = {0};
	auto_bpf struct bpf theirs = {0}, ours = {0};
	json_t *doc = json_parse(name, text, strlen(text));
	CHECK(doc && profile_read(&p, name, doc, t) == 0, "%s", err.message);
	CHECK(profile_compile_plain(&p, &theirs) == 0 && profile_compile(&p, &ours) == 0, "%s",
		err.message);
	CHECK(ours.n <= theirs.n / 2 || ours.n < 60, "%s: %zu instructions became %zu", name,
		theirs.n, ours.n);
	compare(&p, &theirs, &ours);
}

static void
default_profile_as_libseccomp(void)
{
	static const char *const archs[] = {"x86_64", "aarch64", "riscv64", "x86", "arm"};
	for (size_t i = 0; i < N_ROWS(archs); i++) {
		struct seccomp_target t;
		profile_target_here(&t);
		CHECK(profile_arch(archs[i], &t.arch) == 0, "%s", err.message);
		compare_text(archs[i], seccomp_builtin, &t);
	}
}

static void
capabilities_as_libseccomp(void)
{
	struct seccomp_target t;
	profile_target_here(&t);
	for (unsigned i = 0; ct_caps_name(i); i++) {
		t.caps = UINT64_C(1) << i;
		if (t.caps & seccomp_default_wider)
			compare_text(ct_caps_name(i), seccomp_builtin, &t);
	}
	t.caps = ct_caps_all();
	compare_text("all", seccomp_builtin, &t);
}

/* Small profiles with what the default one does not have. */
static void
other_profiles_as_libseccomp(void)
{
	static const char *const texts[] = {
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["
		"{\"names\":[\"read\",\"accept\",\"semop\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"read\",\"write\",\"accept4\"],\"action\":\"SCMP_ACT_LOG\"},"
		"{\"names\":[\"write\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1},"
		"{\"names\":[\"kill\"],\"action\":\"SCMP_ACT_TRAP\",\"args\":["
		"{\"index\":1,\"value\":9,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"kill\",\"openat2\"],\"action\":\"SCMP_ACT_ALLOW\"}],"
		"\"architectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
		"{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_LOG\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"],"
		"\"syscalls\":[{\"names\":[\"mount\",\"ptrace\",\"no_such_call\"],"
		"\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13},{\"names\":[\"kill\"],"
		"\"action\":\"SCMP_ACT_TRAP\",\"args\":[{\"index\":1,\"value\":9,"
		"\"op\":\"SCMP_CMP_EQ\"}]},{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_TRACE\","
		"\"args\":[{\"index\":0,\"value\":40,\"op\":\"SCMP_CMP_GE\"},{\"index\":1,"
		"\"value\":8,\"op\":\"SCMP_CMP_LE\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"syscalls\":["
		"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"},"
		"{\"index\":0,\"value\":131072,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":1,\"value\":18446744073709551615,\"op\":\"SCMP_CMP_NE\"}]},"
		"{\"names\":[\"prctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":12,\"op\":\"SCMP_CMP_GT\"}]},"
		"{\"names\":[\"prctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":7,\"op\":\"SCMP_CMP_LT\"}]}]}",
	};
	struct seccomp_target t;
	profile_target_here(&t);
	for (size_t i = 0; i < N_ROWS(texts); i++) {
		char name[] = "profile 0";
		name[8] = (char)('0' + i);
		compare_text(name, texts[i], &t);
	}
}

static bool
names_call(const struct seccomp_rule *r, const char *call)
{
	const char *name;
	for (size_t i = 0; (name = profile_rule_name(r, i)) != NULL; i++)
		if (strcmp(name, call) == 0)
			return true;
	return false;
}

/* What the built filter should say of a call without arguments: not by libseccomp's rules, but by
 * reading the profile. */
static uint32_t
by_the_book(const struct seccomp_profile *p, const char *call, bool *by_arguments)
{
	uint32_t v = p->action;
	*by_arguments = false;
	for (size_t i = 0; i < p->n_rules; i++)
		if (names_call(&p->rules[i], call)) {
			v = p->rules[i].action;
			*by_arguments |= p->rules[i].n_args > 0;
		}
	return v;
}

static void
default_filter_as_its_profile(void)
{
	struct sock_filter *v = malloc(seccomp_default_len * sizeof(*v));
	memcpy(v, seccomp_default, seccomp_default_len * sizeof(*v));
	auto_bpf struct bpf built = {.v = v, .n = seccomp_default_len};
	auto_profile struct seccomp_profile p = {0};
	struct seccomp_target t;
	profile_target_here(&t);
	unsigned calls = 0, last = 0;
	bool by_arguments;
	CHECK(profile_read(&p, "default",
		      json_parse("default", seccomp_builtin, seccomp_builtin_len), &t) == 0,
		"%s", err.message);
	for (uint32_t n = 0; n < 1000; n++) {
		char *name = call_name(t.arch, (int)n);
		if (name) {
			uint32_t want = by_the_book(&p, name, &by_arguments);
			if (want != p.action)
				last = n;
			free(name);
		}
	}
	for (uint32_t n = 0; n < 1000; n++) {
		char *name = call_name(t.arch, (int)n);
		uint32_t want = name ? by_the_book(&p, name, &by_arguments) : p.action;
		if (n > last)
			want = SECCOMP_RET_ERRNO | ENOSYS;
		if (name && by_arguments && n <= last) {
			free(name);
			continue;
		}
		uint32_t got = verdict(&built, arch_audit(t.arch), n, 0, 0);
		CHECK(got == want, "%s (%u): wanted %08x, got %08x", name ? name : "?", n, want,
			got);
		calls += name != NULL;
		free(name);
	}
	CHECK(calls > 300, "only %u calls", calls);
}

static void
default_filter_arguments(void)
{
	struct sock_filter *v = malloc(seccomp_default_len * sizeof(*v));
	memcpy(v, seccomp_default, seccomp_default_len * sizeof(*v));
	auto_bpf struct bpf built = {.v = v, .n = seccomp_default_len};
	const uint32_t allow = SECCOMP_RET_ALLOW, eperm = SECCOMP_RET_ERRNO | EPERM;
	const struct {
		const char *call;
		uint64_t arg;
		uint32_t verdict;
	} rows[] = {
		{"socket", 1, allow}, /* AF_UNIX */
		{"socket", 2, allow}, {"socket", 10, allow}, {"socket", 11, allow},
		{"socket", 12, eperm}, {"socket", 16, allow}, /* AF_NETLINK */
		{"socket", 17, allow}, /* AF_PACKET */
		{"socket", 38, eperm}, /* AF_ALG */
		{"socket", 40, eperm}, /* AF_VSOCK */
		{"socket", 44, allow}, /* AF_XDP */
		{"socket", 46, eperm}, {"personality", 0, allow}, {"personality", 8, allow},
		{"personality", 0xffffffff, allow},
		{"personality", 0x40000, eperm}, /* ADDR_NO_RANDOMIZE */
		{"clone", 17, allow}, /* SIGCHLD */
		{"clone", 0x003d0f00, allow}, /* as pthread_create(3) */
		{"clone", 0x10000000 | 17, eperm}, /* CLONE_NEWUSER */
		{"clone", 0x00020000 | 17, eperm}, /* CLONE_NEWNS */
		{"clone", 0x40000000 | 17, eperm}, /* CLONE_NEWNET */
	};
	uint32_t native = seccomp_arch_native();
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int n = call_number(native, rows[i].call);
		uint32_t got = verdict(&built, arch_audit(native), (uint32_t)n, rows[i].arg, 0);
		CHECK(got == rows[i].verdict, "%s(0x%" PRIx64 "): %08x", rows[i].call, rows[i].arg,
			got);
	}
}

static void
numbers_and_names(void)
{
	uint32_t x86_64 = SCMP_ARCH_X86_64;
	CHECK(call_number(x86_64, "read") == 0, "%d", call_number(x86_64, "read"));
	CHECK(call_number(x86_64, "cachestat") == 451, "%d", call_number(x86_64, "cachestat"));
	CHECK(call_number(SCMP_ARCH_X86, "cachestat") == 451, "on x86");
	CHECK(call_number(SCMP_ARCH_X32, "cachestat") == (int)(0x40000000 | 451), "on x32");
	CHECK(call_number(SCMP_ARCH_X86, "uretprobe") == -1, "x86 has no uretprobe");
	CHECK(call_number(x86_64, "no_such_call") == -1, "found it");
	CHECK(call_number(x86_64, "socketcall") == -1, "x86_64 has no socketcall");
	CHECK(arch_name(SCMP_ARCH_AARCH64) && strcmp(arch_name(SCMP_ARCH_AARCH64), "aarch64") == 0,
		"aarch64");
}

static void
programs_that_are_none(void)
{
	struct seccomp_data data = {0};
	uint32_t v;
	struct sock_filter no_end[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
	struct sock_filter far[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 9, 9), BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_filter outside[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, 0)};
	struct bpf progs[] = {{no_end, 1}, {far, 2}, {outside, 2}, {NULL, 0}};
	for (size_t i = 0; i < N_ROWS(progs); i++)
		CHECK(bpf_run(&progs[i], &data, &v) < 0, "program %zu ran", i);
}

int
main(void)
{
	RUN(numbers_and_names);
	RUN(programs_that_are_none);
	RUN(default_filter_as_its_profile);
	RUN(default_filter_arguments);
	RUN(default_profile_as_libseccomp);
	RUN(capabilities_as_libseccomp);
	RUN(other_profiles_as_libseccomp);
	return unit_end();
}
