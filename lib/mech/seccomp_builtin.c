/* SPDX-License-Identifier: MIT
 * The default profile as text, for the programs that compile or show it.
 */
#include "mech/seccomp_builtin.h"

const char seccomp_builtin[] =
#include "seccomp_builtin.inc"
	;
const size_t seccomp_builtin_len = sizeof(seccomp_builtin) - 1;
