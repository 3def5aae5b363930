/* SPDX-License-Identifier: MIT
 * An answer depends on who asks: from all networks that he is in, and from no other.
 */
#include "resolve.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- who asks ---- */

/* A box, by its address; or the host itself, at the gateway of a network: then it has no id, and is
 * told what boxes there are told. */
struct asker {
	const struct network_names *first;
	const char *id, *servers;
};

static bool
who_asks(const struct network_names *asked, struct in_addr from, struct asker *who)
{
	for (size_t i = 0; i < names_count; i++) {
		const struct network_names *n = &names_all[i];
		for (size_t k = 0; k < n->n; k++)
			if (n->v[k].v4.s_addr == from.s_addr) {
				*who = (struct asker){n, n->v[k].id, n->v[k].servers};
				return true;
			}
	}
	*who = (struct asker){asked, NULL, "none"};
	return asked->gateway.s_addr == from.s_addr;
}

static bool
is_in(const struct asker *who, const struct network_names *n)
{
	if (n == who->first)
		return true;
	for (size_t k = 0; who->id && k < n->n; k++)
		if (strcmp(n->v[k].id, who->id) == 0)
			return true;
	return false;
}

/* ---- what is asked for ---- */

struct wanted {
	const char *name;
	uint8_t address[16]; /* of a reverse question */
	size_t size; /* 4, 16; 0: it is the name that is asked for */
};

static bool
is_called(const struct member *m, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = m->names; *p; p += *p == ',') {
		size_t len = strcspn(p, ",");
		if (len == n && strncasecmp(p, name, n) == 0)
			return true;
		p += len;
	}
	return false;
}

static bool
matches(const struct member *m, const struct wanted *w)
{
	if (!w->size)
		return is_called(m, w->name);
	return w->size == 4 ? memcmp(&m->v4, w->address, 4) == 0
			    : m->has_v6 && memcmp(&m->v6, w->address, 16) == 0;
}

static void
add_records(const struct network_names *n, const struct member *m, const struct wanted *w,
	unsigned type, struct buf *out)
{
	if (w->size && (type == ns_t_ptr || type == ns_t_any)) {
		auto_free char *name =
			fmt_new("%.*s.%s", (int)strcspn(m->names, ","), m->names, n->name);
		dns_add_name(out, ns_t_ptr, name);
		return;
	}
	if (!w->size && (type == ns_t_a || type == ns_t_any))
		dns_add(out, ns_t_a, &m->v4, 4);
	if (!w->size && m->has_v6 && (type == ns_t_aaaa || type == ns_t_any))
		dns_add(out, ns_t_aaaa, &m->v6, 16);
}

/* Who has a name several times is asked first of all now and then, as moby has it. */
static bool
add_from(const struct network_names *n, const struct wanted *w, unsigned type, struct buf *out)
{
	static unsigned turn;
	bool known = false;
	size_t begin = n->n ? turn++ % n->n : 0;
	for (size_t k = 0; k < n->n; k++) {
		const struct member *m = &n->v[(begin + k) % n->n];
		if (!matches(m, w))
			continue;
		known = true;
		add_records(n, m, w, type, out);
	}
	return known;
}

/* The network by which he asks comes first. The first that knows the name has it: a name may be
 * another's in another network. */
static bool
add_known(const struct asker *who, const struct wanted *w, unsigned type, struct buf *out)
{
	bool known = add_from(who->first, w, type, out);
	for (size_t i = 0; i < names_count && !known; i++)
		known = is_in(who, &names_all[i]) && add_from(&names_all[i], w, type, out);
	return known;
}

/* ---- who else is asked ---- */

static void
add_server(const char *text, struct servers *to)
{
	struct sockaddr_storage *at = &to->at[to->n];
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)at;
	if (to->n == SERVERS_MAX)
		return;
	*at = (struct sockaddr_storage){.ss_family = AF_INET};
	v4->sin_port = htons(NS_DEFAULTPORT);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		to->n++;
		return;
	}
	*at = (struct sockaddr_storage){.ss_family = AF_INET6};
	v6->sin6_port = htons(NS_DEFAULTPORT);
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		to->n++;
}

/* Read for each question: it is short, and may have changed. */
static void
servers_of_host(struct servers *to)
{
	auto_buf struct buf text = BUF_INIT;
	char value[64];
	if (file_read("/etc/resolv.conf", 65536, &text) < 0)
		err_clear();
	for (char *rest = text.s, *line; rest && (line = strsep(&rest, "\n"));)
		if (sscanf(line, "nameserver %63s", value) == 1)
			add_server(value, to);
}

/* "host", "none", or servers of its own. */
static void
servers_for(const struct asker *who, struct servers *to)
{
	to->n = 0;
	if (strcmp(who->servers, "host") == 0) {
		servers_of_host(to);
		return;
	}
	auto_free char *list = str_new(who->servers);
	for (char *rest = list, *word; (word = strsep(&rest, ","));)
		add_server(word, to);
}

/* ---- together ---- */

/* Returns the code of the answer, -1 when others are to be asked. A name of one label is a box's or
 * nobody's: it does not go out. */
static int
look_up(const struct asker *who, const struct dns_question *q, struct buf *out, struct servers *on)
{
	struct wanted w = {.name = q->name};
	if (q->class != ns_c_in)
		return ns_r_notimpl;
	w.size = dns_reverse(q->name, w.address);
	if (add_known(who, &w, q->type, out))
		return ns_r_noerror;
	if (!strchr(q->name, '.'))
		return ns_r_nxdomain;
	if (!who->id)
		return ns_r_refused;
	servers_for(who, on);
	return on->n ? -1 : ns_r_servfail;
}

static void
set_code(struct buf *out, int code)
{
	out->s[3] = (char)((out->s[3] & 0xf0) | code);
}

enum verdict
answer(const struct network_names *asked, struct in_addr from, const void *message, size_t n,
	bool stream, struct buf *out, struct servers *on)
{
	struct dns_question q;
	struct asker who;
	int code = dns_question(message, n, &q);
	if (code < 0)
		return SILENCE;
	bool known = who_asks(asked, from, &who);
	dns_answer(message, &q, known ? code : ns_r_refused, out);
	if (known && code == ns_r_noerror) {
		code = look_up(&who, &q, out, on);
		if (code < 0) {
			buf_reset(out);
			return ASK_ON;
		}
		set_code(out, code);
	}
	dns_end(&q, stream ? NS_MAXMSG : q.room, out);
	return ANSWERED;
}

void
answer_failure(const void *message, size_t n, struct buf *out)
{
	struct dns_question q;
	if (dns_question(message, n, &q) < 0)
		return;
	dns_answer(message, &q, ns_r_servfail, out);
	dns_end(&q, q.room, out);
}
