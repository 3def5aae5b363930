/* SPDX-License-Identifier: MIT
 * What seccomp-bpf prints besides the filter itself.
 */
#ifndef SECCOMP_BPF_PRINT_H
#define SECCOMP_BPF_PRINT_H

#include "mech/bpf.h"
#include "mech/seccomp_profile.h"

/* One line for each call that libseccomp knows on the profile's first machine: name, number,
 * verdict, and for calls that are judged by their arguments the conditions. As JSON: {"name",
 * "number", "verdict", "conditions"}. Returns 0, or -1 with `err` set. */
int print_list(const struct seccomp_profile *p, const struct bpf *prog, bool json, struct buf *out);
/* The definitions that lib/mech/seccomp.h declares. */
int print_c(const struct seccomp_profile *p, const struct bpf *prog, struct buf *out);

#endif
