/* SPDX-License-Identifier: MIT
 * Packet rules: the one file that sees libnftables. A script is one transaction: all of it is
 * taken or nothing (nft(8)).
 */
#ifndef TACKLE_NET_NFT_H
#define TACKLE_NET_NFT_H

#include "base/buf.h"

/* Runs a script in the language of nft(8). One step; `object` names it in an error. Returns 0, or
 * -1 with `err` set: the errno is the kernel's answer as far as libnftables tells it (EEXIST:
 * conflict). */
int nft_change(const char *why, const char *object, const char *script);
/* Runs a listing and appends what it prints. Returns 0, or -1 with `err` set. Not a step. */
int nft_ask(const char *command, struct buf *out);

#endif
