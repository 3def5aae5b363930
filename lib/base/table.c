/* SPDX-License-Identifier: MIT */
#include "base/table.h"

#include <stdlib.h>

void
table_cell(struct table *t, const char *text)
{
	struct buf visible = BUF_INIT;
	char **cells = realloc(t->cells, (t->n + 1) * sizeof(*cells));
	if (!cells)
		abort();
	t->cells = cells;
	buf_add_visible(&visible, text);
	cells[t->n++] = buf_take(&visible);
}

void
table_row(struct table *t, const char *const *texts)
{
	for (size_t i = 0; i < t->columns; i++)
		table_cell(t, texts[i]);
}

/* Characters of a UTF-8 text: all bytes but those that continue one. Wide characters are rare
 * in names, and only bend the column. */
static size_t
width_of(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static size_t
column_width(const struct table *t, size_t column)
{
	size_t widest = 0;
	for (size_t i = column; i < t->n; i += t->columns)
		if (width_of(t->cells[i]) > widest)
			widest = width_of(t->cells[i]);
	return widest;
}

void
table_write(const struct table *t, struct buf *out)
{
	size_t rows = t->columns ? t->n / t->columns : 0;
	size_t *width = calloc(t->columns + 1, sizeof(*width));
	if (!width)
		abort();
	for (size_t c = 0; c < t->columns; c++)
		width[c] = column_width(t, c);
	for (size_t i = 0; i < rows * t->columns; i++) {
		size_t c = i % t->columns;
		const char *cell = t->cells[i];
		buf_adds(out, cell);
		if (c + 1 < t->columns)
			buf_addf(out, "%*s", (int)(width[c] - width_of(cell) + 3), "");
		else
			buf_addc(out, '\n');
	}
	free(width);
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
}
