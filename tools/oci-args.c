/* SPDX-License-Identifier: MIT
 * oci-args: what an OCI bundle means, as a command line of ns-exec.
 *
 * A bundle is a directory with a root file system and a config.json that says, in the words of the
 * OCI runtime specification, what runc, crun or containerd shall make of it. All of it comes down
 * to namespaces, mounts, ids, capabilities and a filter; ns-exec has an option for each, so a
 * bundle can be read as a command line. ns-exec --bundle DIR runs this tool to do just that.
 *
 *	oci-args /run/containerd/io.containerd.runtime.v2.task/default/web
 */
#include "base/err.h"
#include "base/file.h"
#include "door/tool.h"
#include "mech/oci.h"

#include <stdio.h>
#include <stdlib.h>

static bool zero;

static const struct opt options[] = {
	{'0', "null", NULL, opt_flag, &zero,
		"print the words alone, each ended by a NUL, for programs", false},
	OPT_END,
};

static const struct tool me = {
	.name = "oci-args",
	.kind = TOOL_SHOWS,
	.usage = "[-0] DIR",
	.summary = "Prints the ns-exec command line that means the same as the OCI bundle in DIR.",
	.options = options,
	.example = "oci-args mybundle",
};

int
main(int argc, char **argv)
{
	auto_buf struct buf file = BUF_INIT, out = BUF_INIT;
	auto_oci_args struct oci_args words = {0};
	struct args a = tool_start(&me, argc, argv);
	if (a.n != 1)
		tool_usage(a.n ? "more than one DIR" : "no DIR given");
	path_join(&file, a.operand[0], "config.json");
	auto_json json_t *doc = json_read(file.s, JSON_SIZE_MAX);
	if (!doc || oci_args_read(a.operand[0], doc, &words) < 0)
		tool_die();
	for (size_t i = 0; i < words.warnings.n; i++)
		tool_warn("%s", words.warnings.v[i]);
	if (zero)
		oci_args_words(&words, &out);
	else
		oci_args_shell(&words, &out);
	fwrite(buf_str(&out), 1, out.len, stdout);
	return tool_finish();
}
