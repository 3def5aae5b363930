/* SPDX-License-Identifier: MIT
 * Between the files that read a bundle.
 */
#ifndef TACKLE_OCI_IN_H
#define TACKLE_OCI_IN_H

#include "mech/oci.h"

/* Appends an option; the value is made printf-style, fmt NULL for none. */
void oci_option(struct oci_args *a, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void oci_warn(struct oci_args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An absolute path without a colon, which the words of ns-exec are divided by. */
int oci_check_path(const struct jat *at, const char *path);
/* A path of the host: absolute, or below the bundle. Allocated. */
char *oci_host_path(const struct oci_args *a, const char *path);
/* Absent, or nothing in it: {}, [], "", 0, false. */
bool oci_empty(const json_t *v);
/* Fails with "unsupported" where the member is there and is not empty, false, 0 or "". */
int oci_refuse(const struct jat *object, const char *key, const char *why);

int oci_process(struct oci_args *a, const struct jat *process);
int oci_mounts(struct oci_args *a, const struct jat *top);
int oci_linux(struct oci_args *a, const struct jat *lin);
/* Namespaces come first: what else is possible depends on them. */
int oci_namespaces(struct oci_args *a, const struct jat *lin);
int oci_devices(struct oci_args *a, const struct jat *lin);
int oci_resources(struct oci_args *a, const struct jat *lin);
/* The mounts that a mount of the type "cgroup" stands for. `options` is a list of words with commas
 * between. */
int oci_cgroup_mounts(struct oci_args *a, const char *destination, const char *options);

#endif
