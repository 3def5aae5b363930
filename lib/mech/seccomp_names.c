/* SPDX-License-Identifier: MIT
 * Names and numbers of system calls and machines. This file and seccomp_compile.c are the users of
 * libseccomp.
 */
#include "base/err.h"
#include "mech/seccomp_profile.h"

#include <linux/audit.h>
#include <string.h>
#include <strings.h>

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

static const char *const arch_names[] = {"x86_64", "x86", "x32", "aarch64", "arm", "mips", "mipsel",
	"mips64", "mipsel64", "mips64n32", "mipsel64n32", "parisc", "parisc64", "ppc", "ppc64",
	"ppc64le", "riscv64", "s390", "s390x", "loongarch64"};
#define N_ARCHS (sizeof(arch_names) / sizeof(arch_names[0]))

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
	return arch == SCMP_ARCH_X32 ? ARCH_X32_BIT : 0;
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
