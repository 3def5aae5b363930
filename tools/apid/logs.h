/* SPDX-License-Identifier: MIT */
#ifndef APID_LOGS_H
#define APID_LOGS_H

#include "box/box.h"

/* Writes all that a container has written so far, framed unless `raw`. */
int logs_write(const struct box *b, bool raw, bool out, bool error, int fd);

#endif
