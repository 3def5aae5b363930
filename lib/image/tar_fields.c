/* SPDX-License-Identifier: MIT
 * A tar's header: the block's fields in their four dialects, and the extensions that override them.
 */
#include "image/tar_reader.h"

#include <string.h>

/* A field that ends in NUL or with the field. Never reads past it. */
static void
field_string(char *to, const char *field, size_t n)
{
	size_t len = strnlen(field, n);
	memcpy(to, field, len);
	to[len] = '\0';
}

enum tar_dialect
tar_dialect_of(const struct tar_header *h)
{
	if (memcmp(h->magic,
		    "ustar\0"
		    "00",
		    8) == 0)
		return memcmp(h->star_trailer, "tar", 4) == 0 ? TAR_STAR : TAR_USTAR;
	return memcmp(h->magic, "ustar  ", 8) == 0 ? TAR_GNU : TAR_V7;
}

/* Where a name's front part stands, if the dialect has one. */
static size_t
prefix_of(const struct tar_header *h, const char **prefix)
{
	int64_t x;
	*prefix = h->u.prefix;
	switch (tar_dialect_of(h)) {
	case TAR_USTAR:
		return sizeof(h->u.prefix);
	case TAR_STAR:
		return sizeof(h->u.star.prefix);
	case TAR_GNU:
		/* Go before 1.8 wrote a prefix where GNU's times belong; such layers are about. */
		for (size_t i = 0; i < sizeof(h->u.prefix) && h->u.prefix[i]; i++)
			if (h->u.prefix[i] & 0x80)
				return 0;
		if (!h->u.gnu.atime[0] ||
			(tar_number(h->u.gnu.atime, 12, &x) == 0 &&
				tar_number(h->u.gnu.ctime, 12, &x) == 0))
			return 0;
		return sizeof(h->u.prefix);
	default:
		return 0;
	}
}

static void
header_names(struct tar_reader *r)
{
	const char *prefix;
	size_t n = prefix_of(&r->h, &prefix), at = 0;
	if (n && *prefix) {
		field_string(r->name, prefix, n);
		at = strlen(r->name);
		r->name[at++] = '/';
	}
	field_string(r->name + at, r->h.name, sizeof(r->h.name));
	field_string(r->link, r->h.link, sizeof(r->h.link));
}

/* What the header block itself says. */
static int
header_fields(struct tar_reader *r, struct tar_entry *e)
{
	const struct tar_header *h = &r->h;
	int64_t mode, mtime;
	*e = (struct tar_entry){.type = (unsigned char)h->type, .offset = r->header};
	header_names(r);
	e->name = r->name;
	e->link = r->link;
	if (tar_number(h->mode, sizeof(h->mode), &mode) < 0 ||
		tar_number(h->uid, sizeof(h->uid), &e->uid) < 0 ||
		tar_number(h->gid, sizeof(h->gid), &e->gid) < 0 ||
		tar_number(h->size, sizeof(h->size), &e->size) < 0 ||
		tar_number(h->mtime, sizeof(h->mtime), &mtime) < 0)
		return tar_bad_entry(r, e, "a number in its header is none");
	if (tar_dialect_of(h) != TAR_V7 &&
		(tar_number(h->major, sizeof(h->major), &e->major) < 0 ||
			tar_number(h->minor, sizeof(h->minor), &e->minor) < 0))
		return tar_bad_entry(r, e, "its device number is none");
	e->mode = (mode_t)mode & 07777;
	e->mtime.tv_sec = mtime;
	return 0;
}

/* What pax records and GNU's long names say in its place. */
static int
apply_extensions(struct tar_reader *r, struct tar_entry *e)
{
	const struct tar_pax *p = &r->pax;
	if (r->have_pax) {
		e->name = p->path ? p->path : e->name;
		e->link = p->linkpath ? p->linkpath : e->link;
		if ((p->uid && tar_decimal(p->uid, &e->uid) < 0) ||
			(p->gid && tar_decimal(p->gid, &e->gid) < 0) ||
			(p->size && tar_decimal(p->size, &e->size) < 0) ||
			(p->mtime && tar_time(p->mtime, &e->mtime) < 0))
			return tar_bad_entry(r, e, "a number in its pax header is none");
		e->xattr = p->xattr;
		e->n_xattr = p->n_xattr;
	}
	/* GNU's end at a NUL, which is part of them. */
	if (r->have_name)
		e->name = buf_str(&r->longname);
	if (r->have_link)
		e->link = buf_str(&r->longlink);
	return 0;
}

/* Folds what the type flags mean into the seven kinds there are on disk. */
static int
settle_type(struct tar_reader *r, struct tar_entry *e)
{
	size_t len = strlen(e->name);
	switch ((char)e->type) {
	case '\0': /* v7 has no directories but by their names */
		e->type = len && e->name[len - 1] == '/' ? TAR_DIR : TAR_FILE;
		return 0;
	case 'S': /* GNU's sparse file */
	case '7': /* a contiguous file, which is a file here */
		e->type = TAR_FILE;
		return 0;
	case 'D': /* GNU's incremental dump: the list of its names follows as data */
		e->type = TAR_DIR;
		return 0;
	case TAR_FILE:
	case TAR_LINK:
	case TAR_SYMLINK:
	case TAR_CHAR:
	case TAR_BLOCK:
	case TAR_DIR:
	case TAR_FIFO:
		return 0;
	default:
		return tar_bad_entry(r, e, "its type is not known");
	}
}

int
tar_read_fields(struct tar_reader *r, struct tar_entry *e)
{
	if (header_fields(r, e) < 0 || apply_extensions(r, e) < 0)
		return -1;
	return settle_type(r, e);
}
