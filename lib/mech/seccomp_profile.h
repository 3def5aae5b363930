/* SPDX-License-Identifier: MIT
 * A seccomp profile as people write it, in JSON: Docker's form (archMap; rules that are included
 * or excluded by capability, machine and kernel) or the OCI form (linux.seccomp of a runtime
 * configuration, config-linux.md "Seccomp"), or an OCI config.json that holds the latter.
 */
#ifndef TACKLE_SECCOMP_PROFILE_H
#define TACKLE_SECCOMP_PROFILE_H

#include "base/buf.h"
#include "base/json.h"
#include "base/opt.h"
#include "mech/bpf.h"

#include <seccomp.h>
#include <stdint.h>

#define SECCOMP_ARCHS_MAX 8
#define SECCOMP_ARGS_MAX 6

/* Whom and where the filter is for: decides which of Docker's conditional rules hold. */
struct seccomp_target {
	uint64_t caps; /* bit 1 << CAP_…, linux/capability.h */
	uint32_t arch; /* SCMP_ARCH_*, not SCMP_ARCH_NATIVE */
	unsigned kernel[2]; /* {5, 10} */
};

struct seccomp_rule {
	const json_t *names; /* a list of strings, or the one string of the older form */
	uint32_t action; /* SCMP_ACT_*, with its errno */
	struct scmp_arg_cmp args[SECCOMP_ARGS_MAX];
	unsigned n_args;
	/* Two conditions on one argument are alternatives, as in runc: one could never be true with
	 * the other. */
	bool any;
};

struct seccomp_profile {
	json_t *doc; /* owns every string */
	const char *file; /* for messages; the caller's */
	struct jat root, lin, top, syscalls; /* places that others stand on: never moved */
	uint32_t action; /* for calls without a rule */
	uint32_t archs[SECCOMP_ARCHS_MAX]; /* SCMP_ARCH_*, the target's first */
	unsigned n_archs;
	struct seccomp_rule *rules;
	size_t n_rules;
	struct strlist conditional; /* names that stand in a rule with arguments, each once */
};

/* This machine, its kernel, and Docker's capabilities. */
void profile_target_here(struct seccomp_target *t);
/* "x86_64", "SCMP_ARCH_AARCH64" … to SCMP_ARCH_*. Returns 0, or -1 with `err` set. */
int profile_arch(const char *name, uint32_t *arch);

/* Understands a document, whose reference it takes over (also on failure). Calls whose names no one
 * knows are left for later; an unknown action, operator, machine or capability is an error that
 * names the place. `p` must stay where it is until profile_free(). Returns 0, or -1 with
 * `err` set. */
int profile_read(
	struct seccomp_profile *p, const char *file, json_t *doc, const struct seccomp_target *t);
void profile_free(struct seccomp_profile *p);
#define auto_profile __attribute__((cleanup(profile_free)))

/* Names of a rule: the i-th, or NULL behind the last. */
const char *profile_rule_name(const struct seccomp_rule *r, size_t i);
/* Appends the names of seccomp(2) flags that the profile asks for, one a line. Returns 0, or -1
 * with `err` set for one that does not exist. */
int profile_flags(const struct seccomp_profile *p, struct buf *out);
/* Adds the capabilities that stand in a rule's "includes". Returns 0, or -1 with `err` set. */
int profile_wider(const struct seccomp_profile *p, uint64_t *caps);

/* Compiles the profile (seccomp_compile.c). Numbers behind the last one
 * the profile names get ENOSYS instead of a default errno, so that the C library falls back on an
 * older call as it would on an older kernel; runc does the same. Returns 0, or -1 with `err`
 * set. */
int profile_compile(const struct seccomp_profile *p, struct bpf *out);
/* As libseccomp writes it, without that and without the younger calls: to compare with. */
int profile_compile_plain(const struct seccomp_profile *p, struct bpf *out);

/* Number of a call on a machine, -1 for an unknown one. Knows names newer than the libseccomp we
 * are linked with. */
int call_number(uint32_t arch, const char *name);
/* Name of a number on a machine: allocated, NULL for an unknown one. */
char *call_name(uint32_t arch, int number);
/* The AUDIT_ARCH_* that the kernel shows a filter, and what it adds to the numbers: x32 is x86_64
 * with short pointers, the same AUDIT_ARCH and this bit in the number. */
#define ARCH_X32_BIT 0x40000000u
uint32_t arch_audit(uint32_t arch);
uint32_t arch_number_base(uint32_t arch);
/* "x86_64"; NULL for an unknown one. */
const char *arch_name(uint32_t arch);

#endif
