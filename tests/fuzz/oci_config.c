/* SPDX-License-Identifier: MIT
 * Any bytes as the config.json of a bundle: no crash, and words that begin as options do, with one
 * "--" before the program.
 */
#include "base/err.h"
#include "mech/oci.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The words as ns-exec will see them. */
static void
check_words(const struct oci_args *a)
{
	auto_buf struct buf words = BUF_INIT, line = BUF_INIT;
	size_t n = 0;
	oci_args_shell(a, &line);
	oci_args_words(a, &words);
	for (size_t i = 0; i < a->n; i++) {
		if (strncmp(a->option[i].name, "--", 2) != 0)
			abort();
		n += 1 + (a->option[i].value && !a->option[i].joined);
	}
	n += 1 + a->command.n;
	for (size_t at = 0; at < words.len; at += strlen(words.s + at) + 1)
		n--;
	if (n != 0 || a->command.n == 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_oci_args struct oci_args words = {0};
	auto_json json_t *doc = json_parse("fuzz", (const char *)data, size);
	if (!doc || oci_args_read("bundle", doc, &words) < 0) {
		if (!err.message[0])
			abort();
		return 0;
	}
	check_words(&words);
	return 0;
}
