/* SPDX-License-Identifier: MIT
 * Ports as `docker run -p` takes them: "80", "8080:80", "127.0.0.1::80/udp", "8000-8010:80-90".
 */
#ifndef TACKLE_BOX_PORTS_H
#define TACKLE_BOX_PORTS_H

#include <stdbool.h>

struct box_ports {
	char ip[48]; /* "" for all addresses */
	unsigned host, host_last; /* 0: some free one */
	unsigned container; /* the first */
	unsigned more; /* how many follow it */
	bool udp;
};

/* Returns 0, or -1 with `err` set (invalid). */
int box_ports_parse(const char *text, struct box_ports *p);
/* "80/tcp". */
void box_port_key(unsigned port, bool udp, char key[16]);
/* What leads to the i-th of them: "8080", "8000-8010" for any of these, "" for any. */
void box_port_host(const struct box_ports *p, unsigned i, char text[16]);

#endif
