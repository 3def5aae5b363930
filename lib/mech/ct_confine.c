/* SPDX-License-Identifier: MIT
 * What a program may do, from Docker's options.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/spawn.h"
#include "mech/ct.h"
#include "mech/seccomp.h"

#include <string.h>

static void
set_caps(const struct ct_confine *o, struct ct_process *p)
{
	uint64_t base = o->by_default && !o->privileged ? ct_caps_default() : ct_caps_all();
	p->set_caps = o->by_default || o->privileged || o->add.given || o->drop.given;
	p->caps = ct_caps_change(base, &o->add, &o->drop);
	p->caps_wanted = p->caps & o->add.bits;
}

/* The companion prints the filter itself; it needs two libraries that we do not. */
static int
compile_filter(char *const argv[], struct ct_process *p)
{
	struct buf code = BUF_INIT;
	int status = run_capture(argv, -1, 65535 * sizeof(struct sock_filter), &code);
	if (status < 0)
		return -1;
	if (status != 0 || code.len == 0 || code.len % sizeof(struct sock_filter) != 0)
		return err_set(ERR_INVALID, argv[1], "cannot make a filter of %s", argv[1]);
	p->seccomp_len = (unsigned short)(code.len / sizeof(struct sock_filter));
	/* malloc(3) aligns for any type; it lives until the exec. */
	p->seccomp = (const struct sock_filter *)(void *)code.s;
	return 0;
}

static int
default_filter(struct ct_process *p)
{
	auto_buf struct buf list = BUF_INIT;
	if (!p->set_caps || !(p->caps & seccomp_default_wider & ~ct_caps_default())) {
		p->seccomp = seccomp_default;
		p->seccomp_len = seccomp_default_len;
		return 0;
	}
	for (unsigned i = 0; ct_caps_name(i); i++)
		if (p->caps & UINT64_C(1) << i)
			buf_addf(&list, "%s%s", list.len ? "," : "", ct_caps_name(i));
	char words[][16] = {"seccomp-bpf", "--default", "--caps"};
	return compile_filter((char *[]){words[0], words[1], words[2], list.s, NULL}, p);
}

int
ct_confine(const struct ct_confine *o, struct ct_process *p)
{
	const char *which = o->by_default && !o->privileged ? "default" : "none";
	if (o->seccomp)
		which = o->seccomp;
	set_caps(o, p);
	if (strcmp(which, "none") == 0)
		return 0;
	if (strcmp(which, "default") == 0)
		return default_filter(p);
	char tool[] = "seccomp-bpf";
	auto_free char *file = str_new(which);
	return compile_filter((char *[]){tool, file, NULL}, p);
}
