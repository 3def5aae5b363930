/* SPDX-License-Identifier: MIT
 * rtnetlink messages, attribute by attribute: net_msg.c is the one file that sees libnl. What a
 * message means stands in net_link.c and net_rate.c, in the words of rtnetlink(7).
 *
 * Messages start with a page of room and our names are short: what does not fit is a mistake of
 * ours, and the program aborts.
 */
#ifndef TACKLE_NET_MSG_H
#define TACKLE_NET_MSG_H

#include "mech/net_link.h"

#include <linux/rtnetlink.h>

struct nl_msg;
struct nlattr;

/* A request with its fixed head. NLM_F_* flags besides those that libnl sets itself. */
struct nl_msg *net_msg(int type, int flags, const void *head, size_t len);
/* One about links; `up` is IFF_UP to set that flag, or 0. */
struct nl_msg *net_link_msg(int type, int flags, int index, unsigned up);
void net_put(struct nl_msg *msg, int type, const void *data, size_t len);
void net_put_str(struct nl_msg *msg, int type, const char *s);
void net_put_u32(struct nl_msg *msg, int type, uint32_t value);
/* Opens a nested attribute; net_nest_head() puts a fixed head inside; net_nest_end() closes it. */
struct nlattr *net_nest(struct nl_msg *msg, int type);
void net_nest_head(struct nl_msg *msg, const void *head, size_t len);
void net_nest_end(struct nl_msg *msg, struct nlattr *attr);
/* Frees a message that will not be sent. */
void net_msg_free(struct nl_msg *msg);

/* Sends, waits for the acknowledgement, frees the message. 0, or -1 with errno as the kernel says.
 */
int net_talk(struct net *n, struct nl_msg *msg);

/* Descriptor of the socket, for a child that is to talk. */
int net_fd(const struct net *n);

/* The common step of a change: sends msg (and frees it whatever happens), tells `shell` as its
 * command. `call` is its name for faults ("setlink"). 0, or -1 with errno set; the caller words the
 * error. */
int net_change(struct net *n, const char *why, const char *call, const char *name,
	struct nl_msg *msg, const char *shell);

#endif
