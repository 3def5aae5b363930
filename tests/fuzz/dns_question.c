/* SPDX-License-Identifier: MIT
 * Any bytes as a message that comes to net-resolve from a box: no crash, and what is answered is an
 * answer to it, which fits and can be read. The rest of the input is the file of a network.
 */
#include "../../tools/net-resolve/resolve.h"

#include "base/auto.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/dev/shm/fuzz-dns-XXXXXX";

static void
write_file(const void *text, size_t n)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/front", dir);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(text, 1, n, f) != n || fclose(f) != 0)
		abort();
}

static void
check(const struct buf *out, const uint8_t *message, size_t limit)
{
	ns_msg m;
	if (out->len < NS_HFIXEDSZ || out->len > limit || memcmp(out->s, message, 2) != 0)
		abort();
	if (ns_initparse((const uint8_t *)out->s, (int)out->len, &m) < 0)
		abort();
	if (dns_code(out->s, out->len, (uint16_t)(message[0] << 8 | message[1])) < 0)
		abort();
}

static void
ask(const uint8_t *message, size_t n, const char *from, bool stream)
{
	auto_buf struct buf out = BUF_INIT;
	struct servers on = {.n = 0};
	struct in_addr who;
	inet_pton(AF_INET, from, &who);
	if (!names_count)
		return;
	enum verdict v = answer(&names_all[0], who, message, n, stream, &out, &on);
	if (v == ANSWERED)
		check(&out, message, stream ? NS_MAXMSG : DNS_ROOM);
	if (v == ASK_ON && (on.n < 1 || on.n > SERVERS_MAX))
		abort();
	buf_reset(&out);
	answer_failure(message, n, &out);
	if (out.len)
		check(&out, message, NS_MAXMSG);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	const uint8_t *end = memmem(data, size, "\xff\xff\xff", 3);
	size_t n = end ? (size_t)(end - data) : size;
	static const char file[] = "127.9.1.1\na 10.9.1.2 - web,web.front none\n"
				   "b 10.9.1.3 fd00::3 web,db,db.front 192.0.2.1,::1\n";
	if (!made && !mkdtemp(dir))
		abort();
	if (end)
		write_file(end + 3, size - n - 3);
	else
		write_file(file, sizeof(file) - 1);
	if (!made && names_open(dir) < 0)
		abort();
	made = true;
	names_reread();
	ask(data, n, "10.9.1.2", false);
	ask(data, n, "10.9.1.3", true);
	ask(data, n, "127.9.1.1", false);
	return 0;
}
