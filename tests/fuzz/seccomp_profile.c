/* SPDX-License-Identifier: MIT
 * Any bytes as a seccomp profile: no crash, and a filter that was made can be run to a verdict for
 * every machine and number.
 */
#include "mech/seccomp_profile.h"
#include "base/err.h"

#include <linux/audit.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
run_filter(const struct bpf *prog)
{
	static const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0};
	static const uint32_t numbers[] = {
		0, 1, 41, 56, 102, 135, 359, 435, 0x40000000, 0xffffffff};
	for (size_t a = 0; a < sizeof(archs) / sizeof(archs[0]); a++)
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			struct seccomp_data d = {.nr = (int)numbers[i],
				.arch = archs[a],
				.args = {i, ~(uint64_t)i, 8}};
			uint32_t verdict;
			if (bpf_run(prog, &d, &verdict) < 0)
				abort();
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_profile struct seccomp_profile p = {0};
	auto_bpf struct bpf prog = {0};
	auto_buf struct buf flags = BUF_INIT;
	struct seccomp_target t = {.caps = 1 << 5, .arch = SCMP_ARCH_X86_64, .kernel = {5, 10}};
	json_t *doc = json_parse("fuzz", (const char *)data, size);
	if (!doc || profile_read(&p, "fuzz", doc, &t) < 0 || profile_flags(&p, &flags) < 0 ||
		profile_compile(&p, &prog) < 0) {
		/* A refusal says why, in one line that names something. */
		if (!err.message[0])
			abort();
		return 0;
	}
	run_filter(&prog);
	return 0;
}
