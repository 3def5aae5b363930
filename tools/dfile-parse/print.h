/* SPDX-License-Identifier: MIT
 * The two forms in which dfile-parse prints an instruction.
 */
#ifndef TACKLE_DFILE_PARSE_PRINT_H
#define TACKLE_DFILE_PARSE_PRINT_H

#include "dfile/dfile.h"

/* Appends {"name":"RUN","flags":[…],…} without newline. */
void print_json(const struct dfile_inst *in, struct buf *out);
/* Appends (run "echo" "x"), as BuildKit's dumper does, with strings as Go quotes them. */
void print_ast(const struct dfile_inst *in, struct buf *out);

#endif
