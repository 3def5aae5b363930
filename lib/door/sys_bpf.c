/* SPDX-License-Identifier: MIT
 * The door, as sys.h: bpf(2), for which libc has no wrapper.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
load(const struct bpf_insn *code, size_t n)
{
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.expected_attach_type = BPF_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)code,
		.insn_cnt = (uint32_t)n,
		.license = (uint64_t)(uintptr_t) "Dual MIT/GPL"};
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int
attach(const char *dir, const struct bpf_insn *code, size_t n)
{
	auto_fd int group = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_fd int program = group < 0 ? -1 : load(code, n);
	if (program < 0)
		return -1;
	union bpf_attr attr = {.target_fd = (uint32_t)group,
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI};
	return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr));
}

int
sys_device_filter(const char *why, const char *dir, const struct bpf_insn *code, size_t n)
{
	struct step st;
	if (step_open(&st, "bpf", why))
		step_result(&st, attach(dir, code, n));
	if (step_told(&st)) {
		step_call(&st, "bpf(BPF_PROG_LOAD, %zu instructions), bpf(BPF_PROG_ATTACH, %s)", n,
			tell_c(dir));
		step_shell(&st,
			"# bpftool cgroup attach %s device name FILTER multi, with the program "
			"loaded before",
			tell_sh(dir));
	}
	if (step_close(&st) < 0)
		return err_sys("bpf", dir, "cannot attach a filter of devices to %s", dir);
	return 0;
}
