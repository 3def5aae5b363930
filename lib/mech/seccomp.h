/* SPDX-License-Identifier: MIT
 * The default seccomp filter: Docker's published allow-list, ready to load. Turning a JSON profile
 * into a filter takes libseccomp some milliseconds and a library to load, so this one is made when
 * tacklebox is built (tools/seccomp-bpf.c does it, from lib/mech/seccomp_default.json), and a
 * program that starts containers needs neither libseccomp nor a JSON parser.
 *
 * For any other filter run the tool, whose standard output is the array of struct sock_filter
 * itself, and load that:
 *	seccomp-bpf PROFILE.json              a profile in Docker's or the OCI form, or an OCI
 *	                                      config.json, of which linux.seccomp is taken
 *	seccomp-bpf --default --caps LIST     the default profile for another set of capabilities
 *	seccomp-bpf --flags PROFILE.json      the flags for seccomp(2), one name a line
 */
#ifndef TACKLE_SECCOMP_H
#define TACKLE_SECCOMP_H

#include <linux/filter.h>
#include <stdint.h>

/* For the machine we were compiled for and its sub-architectures (x86_64: x86 and x32 too), and for
 * the fourteen capabilities that Docker leaves a process. */
extern const struct sock_filter seccomp_default[];
extern const unsigned short seccomp_default_len;

/* The capabilities, bit 1 << CAP_…, that widen the default profile: CAP_SYS_ADMIN lets mount(2)
 * pass, and so on. A process that is given one of these beyond Docker's fourteen wants the filter
 * of `seccomp-bpf --default --caps …`. One that is given fewer than the fourteen does not: what the
 * profile would take away then (chroot), the kernel refuses it anyway, with the same EPERM. */
extern const uint64_t seccomp_default_wider;

#endif
