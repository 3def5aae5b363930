/* SPDX-License-Identifier: MIT
 * The default seccomp profile, lib/mech/seccomp_default.json, inside the program: Docker's
 * published allow-list (moby/profiles, seccomp/default.json) in our own order and with comments.
 */
#ifndef TACKLE_SECCOMP_BUILTIN_H
#define TACKLE_SECCOMP_BUILTIN_H

#include <stddef.h>

/* JSON, NUL-terminated; len is without the NUL. */
extern const char seccomp_builtin[];
extern const size_t seccomp_builtin_len;

#endif
