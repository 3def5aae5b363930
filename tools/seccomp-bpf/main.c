/* SPDX-License-Identifier: MIT
 * seccomp-bpf: a list of system calls becomes a filter that the kernel can run.
 *
 * The kernel runs a small program (classic BPF, once made for network packets) before each system
 * call of a process and of its children: it sees the number, the machine and the arguments, not
 * what pointers point to, and says allow, refuse with an errno, or kill (seccomp(2)). People write
 * lists of names in JSON instead. This is the compiler, and the one tool that loads libseccomp;
 * ns-exec reads its output.
 *
 *	seccomp-bpf profile.json >filter.bpf
 */
#include "base/err.h"
#include "base/json.h"
#include "door/tool.h"
#include "mech/ct.h"
#include "mech/seccomp_builtin.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

static struct seccomp_target target;
static struct {
	bool builtin, list, json, as_asm, as_c, flags, show;
} want;

/* NAME[,NAME]…, or "none". */
static int
parse_caps(void *to, const char *value)
{
	struct ct_caps set = {0};
	uint64_t *caps = to;
	if (strcmp(value, "none") != 0 && ct_opt_caps(&set, value) < 0)
		return -1;
	*caps = set.all ? ct_caps_all() : set.bits;
	return 0;
}

static int
parse_arch(void *to, const char *value)
{
	return profile_arch(value, to);
}

static int
parse_kernel(void *to, const char *value)
{
	unsigned *v = to;
	if (sscanf(value, "%u.%u", &v[0], &v[1]) != 2)
		return err_set(ERR_INVALID, value, "'%s' is no version such as 5.10", value);
	return 0;
}

static const struct opt options[] = {
	{'d', "default", NULL, opt_flag, &want.builtin, "Docker's default profile, built in",
		false},
	{0, "caps", "CAP[,CAP]", parse_caps, &target.caps,
		"capabilities the program will have (default: Docker's fourteen; none, ALL)",
		false},
	{0, "arch", "NAME", parse_arch, &target.arch,
		"machine it will run on: x86_64, aarch64 … (default: this one)", false},
	{0, "kernel", "VERSION", parse_kernel, target.kernel,
		"kernel it will run on (default: this one)", false},
	{'l', "list", NULL, opt_flag, &want.list, "print what happens to each call, as a table",
		false},
	{0, "json", NULL, opt_flag, &want.json, "the same as JSON lines", false},
	{0, "asm", NULL, opt_flag, &want.as_asm, "print the filter as instructions", false},
	{0, "c", NULL, opt_flag, &want.as_c, "print the filter as an array in C", false},
	{0, "flags", NULL, opt_flag, &want.flags, "print the profile's flags for seccomp(2)",
		false},
	{0, "show", NULL, opt_flag, &want.show, "print the default profile itself", false},
	OPT_END,
};

static const struct tool me = {
	.name = "seccomp-bpf",
	.kind = TOOL_FILTER,
	.usage = "[OPTION]... PROFILE.json|-\n[OPTION]... --default",
	.summary =
		"Compiles a seccomp profile (Docker's or OCI's JSON) to the filter that seccomp(2) takes.",
	.options = options,
	.example = "seccomp-bpf --default --list | grep mount",
};

static json_t *
read_profile(const char *file)
{
	return want.builtin ? json_parse(file, seccomp_builtin, seccomp_builtin_len)
			    : json_read(file, JSON_SIZE_MAX);
}

static int
print(const struct seccomp_profile *p, struct buf *out)
{
	auto_bpf struct bpf prog = {0};
	if (want.flags)
		return profile_flags(p, out);
	if (profile_compile(p, &prog) < 0)
		return -1;
	if (want.list || want.json)
		return print_list(p, &prog, want.json, out);
	if (want.as_asm)
		bpf_print(&prog, out);
	else if (want.as_c)
		return print_c(p, &prog, out);
	else
		buf_add(out, prog.v, prog.n * sizeof(*prog.v));
	return 0;
}

int
main(int argc, char **argv)
{
	auto_buf struct buf out = BUF_INIT;
	auto_profile struct seccomp_profile profile = {0};
	profile_target_here(&target);
	struct args a = tool_start(&me, argc, argv);
	if (want.show) {
		fwrite(seccomp_builtin, 1, seccomp_builtin_len, stdout);
		return tool_finish();
	}
	if (a.n != !want.builtin)
		tool_usage("%s", a.n ? "too many operands" : "a profile is needed, or --default");
	const char *file = want.builtin ? "default profile" : a.operand[0];
	json_t *doc = read_profile(file);
	if (!doc || profile_read(&profile, file, doc, &target) < 0 || print(&profile, &out) < 0)
		tool_die();
	fwrite(buf_str(&out), 1, out.len, stdout);
	return tool_finish();
}
