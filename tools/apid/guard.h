/* SPDX-License-Identifier: MIT
 * Who may ask: over TCP, no web page in a browser.
 */
#ifndef APID_GUARD_H
#define APID_GUARD_H

#include "http.h"

/* 0, or -1 with `err` set (denied). */
int guard_check(const struct request *r, const struct listener *at);

#endif
