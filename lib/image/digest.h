/* SPDX-License-Identifier: MIT
 * Digests: the names of everything in the image store ("sha256:" and 64 hex digits). What comes
 * from outside is checked here before it becomes part of a path (OCI image-spec, descriptor.md,
 * "Digests"). sha512, which the specification also registers, is refused: no registry uses it.
 */
#ifndef TACKLE_DIGEST_H
#define TACKLE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_HEX 64
#define DIGEST_PREFIX "sha256:"
#define DIGEST_PREFIX_LEN 7
/* The text of a digest with its NUL. */
#define DIGEST_SIZE (DIGEST_PREFIX_LEN + DIGEST_HEX + 1)

/* Whether s is exactly "sha256:" and 64 lower case hex digits. */
bool digest_ok(const char *s);
/* The same with `err` set (invalid); `what` names the thing in the message. */
int digest_check(const char *what, const char *s);
/* The hex part of a checked digest; points into it. */
const char *digest_hex(const char *digest);
/* Whether s consists of 1 to 64 lower case hex digits: the beginning of an id, perhaps. */
bool digest_is_hex(const char *s);

#endif
