/* SPDX-License-Identifier: MIT
 * The words for limits, the same for all tools and both versions of control groups. Nothing here
 * touches a group; only --io looks at the device it names.
 */
#include "base/err.h"
#include "base/parse.h"
#include "mech/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* "max" is v2's word for no limit, -1 is Docker's. */
static bool
is_max(const char *s)
{
	return strcmp(s, "max") == 0 || strcmp(s, "-1") == 0;
}

static int
size_or_max(const char *s, int64_t *n)
{
	if (is_max(s)) {
		*n = CG_MAX;
		return 0;
	}
	return parse_size(s, n);
}

/* 0 means "no limit" to some programs and "nothing at all" to the kernel: we take neither. */
static int
zero_refused(const char *s)
{
	return err_set(ERR_INVALID, s, "%s would leave nothing to use ('max' sets no limit)", s);
}

int
cg_opt_memory(void *to, const char *value)
{
	struct cg_limits *l = to;
	l->given |= CG_GIVE_MEMORY;
	if (size_or_max(value, &l->memory) < 0)
		return -1;
	return l->memory == 0 ? zero_refused(value) : 0;
}

int
cg_opt_high(void *to, const char *value)
{
	struct cg_limits *l = to;
	l->given |= CG_GIVE_HIGH;
	if (size_or_max(value, &l->memory_high) < 0)
		return -1;
	return l->memory_high == 0 ? zero_refused(value) : 0;
}

int
cg_opt_swap(void *to, const char *value)
{
	struct cg_limits *l = to;
	l->given |= CG_GIVE_SWAP;
	return size_or_max(value, &l->swap);
}

int
cg_opt_cpus(void *to, const char *value)
{
	struct cg_limits *l = to;
	l->given |= CG_GIVE_CPU;
	if (is_max(value)) {
		l->cpu = CG_MAX;
		return 0;
	}
	if (parse_cpus(value, &l->cpu) < 0)
		return -1;
	/* The kernel's least quota is 1 ms, of our period of 100 ms. */
	if (l->cpu < 10000000)
		return err_set(
			ERR_INVALID, value, "%s is less than the kernel can give: 0.01", value);
	return 0;
}

int
cg_opt_weight(void *to, const char *value)
{
	struct cg_limits *l = to;
	l->given |= CG_GIVE_WEIGHT;
	return parse_int(value, 1, 10000, &l->weight);
}

int
cg_opt_pids(void *to, const char *value)
{
	struct cg_limits *l = to;
	l->given |= CG_GIVE_PIDS;
	if (is_max(value)) {
		l->pids = CG_MAX;
		return 0;
	}
	/* More than PID_MAX_LIMIT (include/linux/threads.h) the kernel does not take. */
	return parse_int(value, 1, 4194304, &l->pids);
}

/* "0-3,7", as cpuset(7) writes lists; whether the numbers exist is for the kernel to say. */
static int
list(const char *value)
{
	size_t n = strlen(value);
	if (n && strspn(value, "0123456789,-") == n && value[0] != ',' && value[0] != '-')
		return 0;
	return err_set(ERR_INVALID, value, "'%s' is not a list of numbers (such as 0-3,7)", value);
}

int
cg_opt_cpuset(void *to, const char *value)
{
	struct cg_limits *l = to;
	l->given |= CG_GIVE_CPUS;
	l->cpus = value;
	return list(value);
}

int
cg_opt_mems(void *to, const char *value)
{
	struct cg_limits *l = to;
	l->given |= CG_GIVE_MEMS;
	l->mems = value;
	return list(value);
}

/* "8:0", or the path of a block device. */
static int
parse_device(const char *s, struct cg_io *io)
{
	struct stat sb;
	int end = 0;
	if (sscanf(s, "%9u:%9u%n", &io->major, &io->minor, &end) == 2 && !s[end])
		return 0;
	if (s[0] != '/')
		return err_set(ERR_INVALID, s, "'%s' is not a device (such as /dev/sda or 8:0)", s);
	if (stat(s, &sb) < 0)
		return err_sys("stat", s, "cannot find device %s", s);
	if (!S_ISBLK(sb.st_mode))
		return err_set(ERR_INVALID, s, "%s is not a block device", s);
	io->major = major(sb.st_rdev);
	io->minor = minor(sb.st_rdev);
	return 0;
}

/* "rbps=1M": what it limits, and the value, cut apart. */
static int
parse_rate(char *word, struct cg_io *io)
{
	static const char *const keys[] = {"rbps", "wbps", "riops", "wiops"};
	int64_t *const rates[] = {&io->rbps, &io->wbps, &io->riops, &io->wiops};
	char *value = strchr(word, '=');
	size_t i = 0;
	if (value)
		*value++ = '\0';
	while (i < 4 && strcmp(keys[i], word) != 0)
		i++;
	if (i == 4 || !value)
		return err_set(
			ERR_INVALID, word, "'%s' is none of rbps= wbps= riops= wiops=", word);
	if (is_max(value)) {
		*rates[i] = CG_MAX;
		return 0;
	}
	int r = i < 2 ? parse_size(value, rates[i]) : parse_int(value, 0, UINT32_MAX, rates[i]);
	return r == 0 && *rates[i] == 0 ? zero_refused(value) : r;
}

/* The entry of that device: the same one given twice is one device with more limits. */
static struct cg_io *
entry_for(struct cg_limits *l, const struct cg_io *device)
{
	for (unsigned i = 0; i < l->n_io; i++)
		if (l->io[i].major == device->major && l->io[i].minor == device->minor)
			return &l->io[i];
	if (l->n_io == CG_IO_DEVICES)
		return NULL;
	l->io[l->n_io] = *device;
	return &l->io[l->n_io++];
}

int
cg_opt_io(void *to, const char *value)
{
	struct cg_limits *l = to;
	struct cg_io device = {0};
	auto_buf struct buf copy = BUF_INIT;
	buf_adds(&copy, value);
	/* The device may hold a colon itself: the last one before the first key ends it. */
	char *equals = strchr(copy.s, '=');
	char *colon = equals ? memrchr(copy.s, ':', (size_t)(equals - copy.s)) : NULL;
	if (!colon)
		return err_set(ERR_INVALID, value,
			"'%s' is not a device and its limits (such as 8:0:rbps=1M,wiops=100)",
			value);
	*colon = '\0';
	l->given |= CG_GIVE_IO;
	if (parse_device(copy.s, &device) < 0)
		return -1;
	struct cg_io *io = entry_for(l, &device);
	if (!io)
		return err_set(ERR_INVALID, value, "more than %d devices", CG_IO_DEVICES);
	for (char *at = colon + 1, *word; (word = strsep(&at, ","));)
		if (parse_rate(word, io) < 0)
			return -1;
	return 0;
}
