/* SPDX-License-Identifier: MIT
 * What --chmod makes of a mode: chmod(1) of coreutils gives the same under umask 022.
 */
#include "dfile/dfile.h"
#include "unit.h"

#define NONE ((mode_t)-1)

static const struct {
	const char *text;
	mode_t old, want;
} rows[] = {
	{"0", S_IFREG | 0755, 0},
	{"755", S_IFREG, 0755},
	{"4755", S_IFREG | 0644, 04755},
	{"07777", S_IFDIR, 07777},
	{"000000644", S_IFREG, 0644},
	{"u=rwX,go=rX", S_IFREG | 0600, 0644},
	{"u=rwX,go=rX", S_IFREG | 0711, 0755},
	{"u=rwX,go=rX", S_IFDIR | 0700, 0755},
	{"a+x", S_IFREG | 0644, 0755},
	{"+x", S_IFREG | 0600, 0711},
	{"+w", S_IFREG | 0444, 0644},
	{"-w", S_IFREG | 0666, 0466},
	{"=r", S_IFREG | 0777, 0444},
	{"=rw", S_IFREG | 0777, 0644},
	{"go-rwx", S_IFREG | 0755, 0700},
	{"ug=rw", S_IFREG | 0757, 0667},
	{"g=u", S_IFREG | 0740, 0770},
	{"o=g,g=", S_IFREG | 0750, 0705},
	{"u+s", S_IFREG | 0755, 04755},
	{"g+s", S_IFREG | 0755, 02755},
	{"u-s,g-s", S_IFREG | 06755, 0755},
	{"a+t", S_IFDIR | 0777, 01777},
	{"u+x-w", S_IFREG | 0644, 0544},
	{"a=", S_IFREG | 06777, 0},
	{"u+X", S_IFREG | 0645, 0745},
	{"", S_IFREG, NONE},
	{"8", S_IFREG, NONE},
	{"10000", S_IFREG, NONE},
	{"99999999999999999999", S_IFREG, NONE},
	{"77777777777777777777777777777", S_IFREG, NONE},
	{"-1", S_IFREG, NONE},
	{"u", S_IFREG, NONE},
	{"rwx", S_IFREG, NONE},
	{"u+y", S_IFREG, NONE},
	{"u+r,", S_IFREG, NONE},
	{",u+r", S_IFREG, NONE},
	{"u+r g+r", S_IFREG, NONE},
	{"755,u+r", S_IFREG, NONE},
};

static void
modes(void)
{
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		mode_t mode = 0;
		if (dfile_mode(rows[i].text, rows[i].old, &mode) < 0)
			mode = NONE;
		CHECK(mode == rows[i].want, "'%s' of %o: %o", rows[i].text, rows[i].old, mode);
	}
}

int
main(void)
{
	RUN(modes);
	return unit_end();
}
