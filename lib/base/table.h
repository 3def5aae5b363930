/* SPDX-License-Identifier: MIT
 * A table for people: columns as wide as what stands in them. Cells are made fit for a terminal, so
 * names and labels from strangers may be put in as they are.
 */
#ifndef TACKLE_TABLE_H
#define TACKLE_TABLE_H

#include "base/buf.h"

#include <stddef.h>

struct table {
	size_t columns; /* set by the caller, before the first cell */
	char **cells; /* row after row, the header first */
	size_t n;
};

/* Adds the next cell; the text is copied. */
void table_cell(struct table *t, const char *text);
/* Adds the cells of a row, or the header: `columns` texts. */
void table_row(struct table *t, const char *const *texts);
/* Appends the lines, cells three blanks apart. A last row that is not full is left out. */
void table_write(const struct table *t, struct buf *out);
void table_free(struct table *t);

#endif
