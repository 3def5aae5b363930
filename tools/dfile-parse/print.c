/* SPDX-License-Identifier: MIT */
#include "print.h"

#include <ctype.h>
#include <string.h>

static void
json_flags(const struct dfile_inst *in, struct buf *out)
{
	buf_adds(out, ",\"flags\":[");
	for (size_t i = 0; i < in->n_flags; i++) {
		buf_adds(out, i ? ",{\"name\":" : "{\"name\":");
		buf_add_json(out, in->flags[i].name);
		buf_adds(out, ",\"value\":");
		if (in->flags[i].value)
			buf_add_json(out, in->flags[i].value);
		else
			buf_adds(out, "null");
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static const char *
truth(bool b)
{
	return b ? "true" : "false";
}

static void
json_heredocs(const struct dfile_inst *in, struct buf *out)
{
	buf_adds(out, ",\"heredocs\":[");
	for (size_t i = 0; i < in->n_heredocs; i++) {
		const struct dfile_heredoc *h = &in->heredocs[i];
		buf_adds(out, i ? ",{\"name\":" : "{\"name\":");
		buf_add_json(out, h->name);
		buf_adds(out, ",\"content\":");
		buf_add_json(out, h->content);
		buf_addf(out, ",\"expand\":%s,\"chomp\":%s,\"fd\":%u}", truth(h->expand),
			truth(h->chomp), h->fd);
	}
	buf_addc(out, ']');
}

void
print_json(const struct dfile_inst *in, struct buf *out)
{
	buf_adds(out, "{\"name\":");
	buf_add_json(out, in->name);
	json_flags(in, out);
	buf_adds(out, ",\"args\":[");
	for (size_t i = 0; i < in->n_args; i++) {
		if (i)
			buf_addc(out, ',');
		buf_add_json_bytes(out, in->args[i], in->lens[i]);
	}
	buf_adds(out, in->json ? "],\"json\":true" : "],\"json\":false");
	json_heredocs(in, out);
	buf_addf(out, ",\"first\":%u,\"last\":%u,\"original\":", in->first, in->last);
	buf_add_json(out, in->original);
	if (in->trigger) {
		buf_adds(out, ",\"trigger\":");
		print_json(in->trigger, out);
	}
	buf_addc(out, '}');
}

/* What Go's strconv.Quote escapes beyond ASCII: what is not printable. */
static bool
go_escapes(const char *s, size_t n, unsigned *cp)
{
	const unsigned char *u = (const unsigned char *)s;
	*cp = u[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++)
		*cp = *cp << 6 | (u[i] & 0x3f);
	return *cp <= 0xa0 || *cp == 0xad || *cp == 0x1680 || (*cp >= 0x2000 && *cp <= 0x200f) ||
		(*cp >= 0x2028 && *cp <= 0x202f) || (*cp >= 0x205f && *cp <= 0x206f) ||
		*cp == 0x3000 || (*cp >= 0xe000 && *cp <= 0xf8ff) || *cp == 0xfeff ||
		(*cp >= 0xfff0 && *cp <= 0xfffb) || *cp >= 0xe0000;
}

static void
go_quoted(const char *s, size_t len, struct buf *out)
{
	static const char plain[] = "\a\b\f\n\r\t\v\"\\", letters[] = "abfnrtv\"\\";
	buf_addc(out, '"');
	for (size_t i = 0, n; i < len; i += n) {
		const char *known = s[i] ? strchr(plain, s[i]) : NULL;
		unsigned cp;
		n = utf8_len(s + i);
		if (known)
			buf_addf(out, "\\%c", letters[known - plain]);
		else if (n < 2 && isprint((unsigned char)s[i]))
			buf_addc(out, s[i]);
		else if (n < 2)
			buf_addf(out, "\\x%02x", (unsigned char)s[i]);
		else if (go_escapes(s + i, n, &cp))
			buf_addf(out, cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
		else
			buf_add(out, s + i, n);
		n = n ? n : 1;
	}
	buf_addc(out, '"');
}

static void
ast_flags(const struct dfile_inst *in, struct buf *out)
{
	for (size_t i = 0; i < in->n_flags; i++) {
		auto_buf struct buf flag = BUF_INIT;
		buf_addf(&flag, "--%s", in->flags[i].name);
		if (in->flags[i].value)
			buf_addf(&flag, "=%s", in->flags[i].value);
		buf_adds(out, i ? " " : " [");
		go_quoted(flag.s, flag.len, out);
	}
	if (in->n_flags)
		buf_addc(out, ']');
}

void
print_ast(const struct dfile_inst *in, struct buf *out)
{
	bool pairs = strcmp(in->name, "ENV") == 0 || strcmp(in->name, "LABEL") == 0;
	buf_addc(out, '(');
	for (const char *s = in->name; *s; s++)
		buf_addc(out, (char)tolower((unsigned char)*s));
	ast_flags(in, out);
	for (size_t i = 0; i < in->n_args; i++) {
		buf_addc(out, ' ');
		go_quoted(in->args[i], in->lens[i], out);
		if (pairs && i % 2 == 1)
			buf_adds(out, in->spaced ? " \"\"" : " \"=\"");
	}
	if (in->trigger) {
		buf_addc(out, ' ');
		print_ast(in->trigger, out);
	}
	buf_addc(out, ')');
}
