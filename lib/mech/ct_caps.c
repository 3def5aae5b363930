/* SPDX-License-Identifier: MIT
 * Capabilities: root's power in forty-one pieces (capabilities(7)). Names and sets only; the calls
 * are in door/sys_cred.c.
 */
#include "mech/ct.h"

#include "base/err.h"

#include <linux/capability.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
	[CAP_CHOWN] = "chown",
	[CAP_DAC_OVERRIDE] = "dac_override",
	[CAP_DAC_READ_SEARCH] = "dac_read_search",
	[CAP_FOWNER] = "fowner",
	[CAP_FSETID] = "fsetid",
	[CAP_KILL] = "kill",
	[CAP_SETGID] = "setgid",
	[CAP_SETUID] = "setuid",
	[CAP_SETPCAP] = "setpcap",
	[CAP_LINUX_IMMUTABLE] = "linux_immutable",
	[CAP_NET_BIND_SERVICE] = "net_bind_service",
	[CAP_NET_BROADCAST] = "net_broadcast",
	[CAP_NET_ADMIN] = "net_admin",
	[CAP_NET_RAW] = "net_raw",
	[CAP_IPC_LOCK] = "ipc_lock",
	[CAP_IPC_OWNER] = "ipc_owner",
	[CAP_SYS_MODULE] = "sys_module",
	[CAP_SYS_RAWIO] = "sys_rawio",
	[CAP_SYS_CHROOT] = "sys_chroot",
	[CAP_SYS_PTRACE] = "sys_ptrace",
	[CAP_SYS_PACCT] = "sys_pacct",
	[CAP_SYS_ADMIN] = "sys_admin",
	[CAP_SYS_BOOT] = "sys_boot",
	[CAP_SYS_NICE] = "sys_nice",
	[CAP_SYS_RESOURCE] = "sys_resource",
	[CAP_SYS_TIME] = "sys_time",
	[CAP_SYS_TTY_CONFIG] = "sys_tty_config",
	[CAP_MKNOD] = "mknod",
	[CAP_LEASE] = "lease",
	[CAP_AUDIT_WRITE] = "audit_write",
	[CAP_AUDIT_CONTROL] = "audit_control",
	[CAP_SETFCAP] = "setfcap",
	[CAP_MAC_OVERRIDE] = "mac_override",
	[CAP_MAC_ADMIN] = "mac_admin",
	[CAP_SYSLOG] = "syslog",
	[CAP_WAKE_ALARM] = "wake_alarm",
	[CAP_BLOCK_SUSPEND] = "block_suspend",
	[CAP_AUDIT_READ] = "audit_read",
	[CAP_PERFMON] = "perfmon",
	[CAP_BPF] = "bpf",
	[CAP_CHECKPOINT_RESTORE] = "checkpoint_restore",
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))
#define BIT(cap) (UINT64_C(1) << (cap))

const char *
ct_caps_name(unsigned cap)
{
	return cap < N_NAMES ? names[cap] : NULL;
}

uint64_t
ct_caps_default(void)
{
	return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) |
		BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) |
		BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
		BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);
}

uint64_t
ct_caps_all(void)
{
	return BIT(N_NAMES) - 1;
}

int
ct_caps_parse(const char *name, uint64_t *bit)
{
	const char *bare = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;
	for (unsigned i = 0; i < N_NAMES; i++)
		if (strcasecmp(bare, names[i]) == 0) {
			*bit = BIT(i);
			return 0;
		}
	return err_set(ERR_INVALID, name, "unknown capability '%s'", name);
}

int
ct_caps_name_in(struct ct_caps *set, const char *name)
{
	uint64_t bit = 0;
	if (strcasecmp(name, "ALL") == 0 || strcasecmp(name, "CAP_ALL") == 0)
		set->all = true;
	else if (ct_caps_parse(name, &bit) < 0)
		return -1;
	set->bits |= bit;
	set->given = true;
	return 0;
}

uint64_t
ct_caps_change(uint64_t base, const struct ct_caps *add, const struct ct_caps *drop)
{
	if (add->all)
		return ct_caps_all() & ~drop->bits;
	return drop->all ? add->bits : (base & ~drop->bits) | add->bits;
}

int
ct_opt_caps(void *to, const char *value)
{
	char word[32];
	while (*value) {
		size_t n = strcspn(value, ",");
		if (n >= sizeof(word))
			return err_set(ERR_INVALID, value, "unknown capability '%s'", value);
		memcpy(word, value, n);
		word[n] = '\0';
		if (ct_caps_name_in(to, word) < 0)
			return -1;
		value += n + (value[n] == ',');
	}
	return 0;
}
