/* SPDX-License-Identifier: MIT
 * An OCI bundle (a directory with a config.json and a root file system) as the command line of
 * ns-exec that means the same. Reads the runtime specification 1.0 to 1.2 (config.md,
 * config-linux.md); looks at the host where the meaning depends on it, changes nothing.
 *
 * What ns-exec has no word for is never dropped in silence: what would make the process less
 * confined or otherwise than asked for is an error (class unsupported), and what others can do
 * beside ns-exec (limits: cg-create) is a warning.
 */
#ifndef TACKLE_OCI_H
#define TACKLE_OCI_H

#include "base/json.h"
#include "base/opt.h"

#include <stdbool.h>
#include <stdint.h>

struct oci_option {
	const char *name; /* "--bind" */
	char *value; /* NULL: none */
	bool joined; /* one word, "--net=FILE": the value is one that may be left out */
};

struct oci_args {
	struct oci_option *option;
	size_t n;
	struct strlist command;
	struct strlist warnings;
	/* Everything below is for the reading itself. */
	const char *dir;
	bool own_ns[8]; /* a new namespace of this kind, by enum ct_ns */
	bool other_user; /* a user namespace that is not ours, new or given */
	bool dev_mounted; /* a file system of its own on /dev */
};

/* Reads the configuration `doc` of the bundle at `dir`. `out` is filled from the start and freed by
 * oci_args_free() also after a failure; its strings are its own. Returns 0, or -1 with `err` set:
 * invalid or unsupported, with the place in config.json. */
int oci_args_read(const char *dir, json_t *doc, struct oci_args *out);
void oci_args_free(struct oci_args *a);
#define auto_oci_args __attribute__((cleanup(oci_args_free)))

/* Appends the words as a shell command: one line a person can paste, broken before each option. */
void oci_args_shell(const struct oci_args *a, struct buf *out);
/* Appends them NUL-terminated: options, "--", command. */
void oci_args_words(const struct oci_args *a, struct buf *out);

#endif
