/* SPDX-License-Identifier: MIT
 * Between the files that write config.json.
 */
#ifndef TACKLE_BOX_BUNDLE_IN_H
#define TACKLE_BOX_BUNDLE_IN_H

#include "base/json.h"

/* Adds "seccomp" to the object "linux": the profile of --security-opt, or Docker's for the
 * capabilities that the box has, in the OCI form. Returns 0, or -1 with `err` set. */
int bundle_seccomp(const json_t *h, const json_t *caps, json_t *lin);

#endif
