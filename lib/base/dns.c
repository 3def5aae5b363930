/* SPDX-License-Identifier: MIT */
#include "base/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bits of the second two bytes of a message. */
#define IS_ANSWER 0x8000
#define OPCODE 0x7800
#define CUT 0x0200
#define WANTS_MORE 0x0100 /* recursion desired */
#define GIVES_MORE 0x0080
#define CODE 0x000f

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void
set16(uint8_t *p, unsigned n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static void
add16(struct buf *out, unsigned n)
{
	uint8_t p[2];
	set16(p, n);
	buf_add(out, p, 2);
}

/* The pseudo-record by which a client says how much it takes (RFC 6891, section 6.1). */
static void
look_for_edns(ns_msg *m, struct dns_question *q)
{
	ns_rr rr;
	for (int i = 0; i < ns_msg_count(*m, ns_s_ar); i++) {
		if (ns_parserr(m, ns_s_ar, i, &rr) < 0 || ns_rr_type(rr) != ns_t_opt)
			continue;
		q->edns = true;
		size_t room = ns_rr_class(rr);
		if (room > q->room)
			q->room = room < DNS_ROOM ? room : DNS_ROOM;
	}
}

int
dns_question(const void *message, size_t n, struct dns_question *q)
{
	const uint8_t *p = message;
	ns_msg m;
	ns_rr rr;
	*q = (struct dns_question){.room = DNS_SMALL, .end = NS_HFIXEDSZ};
	if (n < NS_HFIXEDSZ || n > NS_MAXMSG || get16(p + 2) & IS_ANSWER)
		return -1;
	if (get16(p + 2) & OPCODE)
		return ns_r_notimpl;
	if (get16(p + 4) != 1 || ns_initparse(p, (int)n, &m) < 0 ||
		ns_parserr(&m, ns_s_qd, 0, &rr) < 0)
		return ns_r_formerr;
	const uint8_t *end = p + NS_HFIXEDSZ;
	if (ns_name_skip(&end, p + n) < 0 || (size_t)(end - p) + 4 > n)
		return ns_r_formerr;
	q->end = (size_t)(end - p) + 4;
	q->type = ns_rr_type(rr);
	q->class = ns_rr_class(rr);
	snprintf(q->name, sizeof(q->name), "%s", ns_rr_name(rr));
	look_for_edns(&m, q);
	return ns_r_noerror;
}

void
dns_answer(const void *message, const struct dns_question *q, int code, struct buf *out)
{
	uint8_t head[NS_HFIXEDSZ] = {0};
	const uint8_t *p = message;
	unsigned asked = get16(p + 2);
	memcpy(head, p, 2);
	set16(head + 2,
		IS_ANSWER | GIVES_MORE | (asked & (OPCODE | WANTS_MORE)) | ((unsigned)code & CODE));
	head[5] = q->end > NS_HFIXEDSZ;
	buf_add(out, head, sizeof(head));
	buf_add(out, p + NS_HFIXEDSZ, q->end - NS_HFIXEDSZ);
}

/* Its name is a pointer to that of the question, which follows the head (section 4.1.4). */
void
dns_add(struct buf *out, unsigned type, const void *data, size_t n)
{
	static const uint8_t name[] = {0xc0, NS_HFIXEDSZ}, ttl[4] = {0};
	uint8_t *count = (uint8_t *)out->s + 6;
	set16(count, get16(count) + 1);
	buf_add(out, name, sizeof(name));
	add16(out, type);
	add16(out, ns_c_in);
	buf_add(out, ttl, sizeof(ttl));
	add16(out, (unsigned)n);
	buf_add(out, data, n);
}

void
dns_add_name(struct buf *out, unsigned type, const char *name)
{
	uint8_t packed[NS_MAXCDNAME];
	const uint8_t *end = packed;
	if (ns_name_pton(name, packed, sizeof(packed)) >= 0 &&
		ns_name_skip(&end, packed + sizeof(packed)) >= 0)
		dns_add(out, type, packed, (size_t)(end - packed));
}

void
dns_end(const struct dns_question *q, size_t limit, struct buf *out)
{
	/* The root as its name, its type, our room, and no flags. */
	uint8_t edns[11] = {0, 0, ns_t_opt, DNS_ROOM >> 8, DNS_ROOM & 255};
	size_t more = q->edns ? sizeof(edns) : 0;
	uint8_t *p = (uint8_t *)out->s;
	if (out->len + more > limit) {
		set16(p + 2, get16(p + 2) | CUT);
		set16(p + 6, 0);
		out->len = q->end;
	}
	if (q->edns) {
		set16(p + 10, 1);
		buf_add(out, edns, sizeof(edns));
	}
}

int
dns_code(const void *message, size_t n, uint16_t id)
{
	const uint8_t *p = message;
	return n >= NS_HFIXEDSZ && get16(p) == id && get16(p + 2) & IS_ANSWER
		? (int)(get16(p + 2) & CODE)
		: -1;
}

/* ---- reverse names ---- */

/* "1.0.0.10": the last byte first. */
static size_t
reverse_v4(const char *s, uint8_t to[16])
{
	for (int i = 3; i >= 0; i--) {
		char *end;
		unsigned long n = strtoul(s, &end, 10);
		if (end == s || n > 255 || *end != '.')
			return 0;
		to[i] = (uint8_t)n;
		s = end + 1;
	}
	return strcasecmp(s, "in-addr.arpa") == 0 ? 4 : 0;
}

/* Half a byte each, the last first (RFC 3596, section 2.5). */
static size_t
reverse_v6(const char *s, uint8_t to[16])
{
	static const char digits[] = "0123456789abcdef";
	memset(to, 0, 16);
	for (int i = 31; i >= 0; i--, s += 2) {
		const char *d = *s ? strchr(digits, *s | 0x20) : NULL;
		if (!d || s[1] != '.')
			return 0;
		to[i / 2] |= (uint8_t)((d - digits) << (i % 2 ? 0 : 4));
	}
	return strcasecmp(s, "ip6.arpa") == 0 ? 16 : 0;
}

size_t
dns_reverse(const char *name, uint8_t address[16])
{
	size_t n = reverse_v4(name, address);
	return n ? n : reverse_v6(name, address);
}
