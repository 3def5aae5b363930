/* SPDX-License-Identifier: MIT
 * From a profile to a filter. libseccomp, seen by this file only, knows the numbers of the calls on
 * each machine and what rules about arguments mean; what it writes is then written anew, smaller
 * (bpf.h).
 */
#include "base/auto.h"
#include "base/err.h"
#include "mech/seccomp_profile.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Calls younger than libseccomp 2.5.4 (Debian's knows some of them). Since Linux 5.0 all machines
 * number new calls alike (the syscall.tbl files of the kernel), so that one number serves; but for
 * the last two. */
static const struct {
	const char *name;
	int number;
	uint32_t arch; /* 0: all */
} young[] = {
	{"cachestat", 451, 0},
	{"fchmodat2", 452, 0},
	{"map_shadow_stack", 453, 0},
	{"futex_wake", 454, 0},
	{"futex_wait", 455, 0},
	{"futex_requeue", 456, 0},
	{"statmount", 457, 0},
	{"listmount", 458, 0},
	{"lsm_get_self_attr", 459, 0},
	{"lsm_set_self_attr", 460, 0},
	{"lsm_list_modules", 461, 0},
	{"mseal", 462, 0},
	{"setxattrat", 463, 0},
	{"getxattrat", 464, 0},
	{"listxattrat", 465, 0},
	{"removexattrat", 466, 0},
	{"open_tree_attr", 467, 0},
	{"file_getattr", 468, 0},
	{"file_setattr", 469, 0},
	{"riscv_hwprobe", 258, SCMP_ARCH_RISCV64},
	{"uretprobe", 335, SCMP_ARCH_X86_64},
};
#define N_YOUNG (sizeof(young) / sizeof(young[0]))

/* x32 is x86_64 with short pointers: the same AUDIT_ARCH, and this bit in the number. */
#define X32_BIT 0x40000000u

static const char *const arch_names[] = {"x86_64", "x86", "x32", "aarch64", "arm", "mips", "mipsel",
	"mips64", "mipsel64", "mips64n32", "mipsel64n32", "parisc", "parisc64", "ppc", "ppc64",
	"ppc64le", "riscv64", "s390", "s390x", "loongarch64"};
#define N_ARCHS (sizeof(arch_names) / sizeof(arch_names[0]))

static void
release_(const scmp_filter_ctx *ctx)
{
	seccomp_release(*ctx);
}
#define auto_ctx __attribute__((cleanup(release_)))

int
profile_arch(const char *name, uint32_t *arch)
{
	const char *bare = strncmp(name, "SCMP_ARCH_", 10) == 0 ? name + 10 : name;
	for (size_t i = 0; i < N_ARCHS; i++) {
		uint32_t token = seccomp_arch_resolve_name(arch_names[i]);
		if (token && strcasecmp(bare, arch_names[i]) == 0) {
			*arch = token;
			return 0;
		}
	}
	return err_set(ERR_INVALID, name, "'%s' is no machine that libseccomp knows", name);
}

const char *
arch_name(uint32_t arch)
{
	for (size_t i = 0; i < N_ARCHS; i++)
		if (seccomp_arch_resolve_name(arch_names[i]) == arch)
			return arch_names[i];
	return NULL;
}

uint32_t
arch_audit(uint32_t arch)
{
	return arch == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : arch;
}

uint32_t
arch_number_base(uint32_t arch)
{
	return arch == SCMP_ARCH_X32 ? X32_BIT : 0;
}

static int
young_number(uint32_t arch, const char *name)
{
	for (size_t i = 0; i < N_YOUNG; i++)
		if (strcmp(name, young[i].name) == 0 && (!young[i].arch || young[i].arch == arch))
			return young[i].number + (int)arch_number_base(arch);
	return -1;
}

int
call_number(uint32_t arch, const char *name)
{
	int n = seccomp_syscall_resolve_name_arch(arch, name);
	if (n == __NR_SCMP_ERROR)
		return young_number(arch, name);
	/* Below 0 are libseccomp's own numbers for calls that this machine does not have. */
	return n >= 0 ? n : -1;
}

char *
call_name(uint32_t arch, int number)
{
	char *name = seccomp_syscall_resolve_num_arch(arch, number);
	for (size_t i = 0; !name && i < N_YOUNG; i++)
		if (young_number(arch, young[i].name) == number)
			name = str_new(young[i].name);
	return name;
}

static int
failed(int no, const char *what, const char *object)
{
	errno = -no;
	return err_sys("libseccomp", object, "cannot %s %s", what, object);
}

static int
add_archs(scmp_filter_ctx ctx, const struct seccomp_profile *p)
{
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
	return 0;
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

static int
add_rules(scmp_filter_ctx ctx, const struct seccomp_profile *p)
{
	const char *name;
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct seccomp_rule *r = &p->rules[i];
		/* Saying again what holds anyway is refused by libseccomp. */
		if (r->action == p->action)
			continue;
		for (size_t k = 0; (name = profile_rule_name(r, k)) != NULL; k++)
			if (add_rule(ctx, r, name) < 0)
				return -1;
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

/* Rules about calls that libseccomp is too old to know. */
static void
set_young(const struct seccomp_profile *p, uint32_t arch, struct bpf *prog, struct bpf_ranges *r)
{
	const char *name;
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct seccomp_rule *rule = &p->rules[i];
		for (size_t k = 0; (name = profile_rule_name(rule, k)) != NULL; k++) {
			int n = young_number(arch, name);
			if (n < 0 || rule->n_args ||
				seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR)
				continue;
			bpf_ranges_set(
				r, (uint32_t)n, (uint32_t)n, find_return(prog, rule->action));
		}
	}
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
		bpf_ranges_set(r, from, UINT32_MAX, at);
		return;
	}
	/* Bit 30 tells x32 from x86_64, whatever bit 31 is. */
	bpf_ranges_set(r, from, arch_number_base(arch) | (X32_BIT - 1), at);
	uint32_t high = arch_number_base(arch) | 0x80000000u;
	bpf_ranges_set(r, high, high | (X32_BIT - 1), at);
}

/* The ranges of one machine, and of others that the kernel shows as the same. */
static int
split_arch(const struct seccomp_profile *p, uint32_t audit, struct bpf *prog, struct bpf_ranges *r)
{
	if (bpf_split(prog, audit, r) < 0)
		return -1;
	for (unsigned i = 0; i < p->n_archs; i++) {
		if (arch_audit(p->archs[i]) != audit)
			continue;
		set_young(p, p->archs[i], prog, r);
		set_unknown(p, p->archs[i], prog, r);
	}
	return 0;
}

static int
write_anew(const struct seccomp_profile *p, struct bpf *prog, struct bpf *out)
{
	struct bpf_arch archs[SECCOMP_ARCHS_MAX] = {0};
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
		r = split_arch(p, audit, prog, &archs[n++].ranges);
	}
	if (r == 0)
		r = bpf_build(prog, archs, n, SCMP_ACT_KILL_THREAD, out);
	while (n-- > 0)
		bpf_ranges_free(&archs[n].ranges);
	return r;
}

int
profile_compile_plain(const struct seccomp_profile *p, struct bpf *out)
{
	auto_ctx scmp_filter_ctx ctx = seccomp_init(p->action);
	if (!ctx)
		return err_set(ERR_INVALID, p->file, "libseccomp refuses the default action");
	if (add_archs(ctx, p) < 0 || add_rules(ctx, p) < 0)
		return -1;
	return export(ctx, out);
}

int
profile_compile(const struct seccomp_profile *p, struct bpf *out)
{
	auto_bpf struct bpf plain = {0};
	if (profile_compile_plain(p, &plain) < 0)
		return -1;
	return write_anew(p, &plain, out);
}
