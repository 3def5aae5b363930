/* SPDX-License-Identifier: MIT
 * Injected failures: which call of which name they strike.
 */
#include "door/fault.h"

#include "base/err.h"
#include "unit.h"

#include <errno.h>

static void
strikes_once(void)
{
	CHECK(fault_parse("mount:EINVAL@2") == 0, "%s", err.message);
	CHECK(fault_due("mount") == 0, "the first");
	CHECK(fault_due("mkdir") == 0, "another");
	CHECK(fault_due("mount") == EINVAL, "the second");
	CHECK(fault_due("mount") == 0, "the third");
	CHECK(fault_parse("mount:EPERM") == 0 && fault_due("mount") == EPERM,
		"without @, the first");
	CHECK(fault_due("mount") == 0, "and only that");
}

static void
any_step(void)
{
	CHECK(fault_parse("step:EIO@3") == 0, "%s", err.message);
	CHECK(fault_due("a") == 0 && fault_due("b") == 0, "one, two");
	CHECK(fault_due("c") == EIO, "three");
	CHECK(fault_due("d") == 0, "four");
}

static void
several(void)
{
	CHECK(fault_parse("a:EIO@2,a:EPERM@3,b:ENOENT,step:EBUSY@6") == 0, "%s", err.message);
	CHECK(fault_due("a") == 0, "a 1");
	CHECK(fault_due("a") == EIO, "a 2");
	CHECK(fault_due("a") == EPERM, "a 3");
	CHECK(fault_due("b") == ENOENT, "b 1");
	CHECK(fault_due("b") == 0, "b 2");
	CHECK(fault_due("z") == EBUSY, "the sixth of all");
	/* Two at once: the first in the list. */
	CHECK(fault_parse("a:EIO,step:EPERM") == 0 && fault_due("a") == EIO, "the first of two");
	CHECK(fault_due("a") == 0, "both are used up");
}

static void
none(void)
{
	CHECK(fault_parse("a:EIO") == 0 && fault_parse(NULL) == 0, "NULL forgets");
	CHECK(fault_due("a") == 0, "nothing due");
	CHECK(fault_parse("") == 0 && fault_due("a") == 0, "nothing due");
}

static void
mistakes(void)
{
	static const char *const lists[] = {"mount", "mount:", ":EIO", "mount:EWHAT", "mount:EIO@0",
		"mount:EIO@-1", "mount:EIO@x", "mount:EIO@", "mount:eio", "a:EIO,", ",a:EIO",
		"a:EIO,,b:EIO", "a:EIO,b", "a-name-of-a-call-that-is-longer-than-any-there-is:EIO",
		"a-name-of-a-call-that-is-much-longer-than-any-there-is-in-the-whole-kernel:EIO",
		"a:EIO,a:EIO,a:EIO,a:EIO,a:EIO,a:EIO,a:EIO,a:EIO,a:EIO"};
	for (size_t i = 0; i < N_ROWS(lists); i++) {
		err_clear();
		CHECK(fault_parse(lists[i]) == -1, "'%s' was taken", lists[i]);
		CHECK(err.class == ERR_INVALID, "'%s': class %d", lists[i], err.class);
	}
}

int
main(void)
{
	RUN(strikes_once);
	RUN(any_step);
	RUN(several);
	RUN(none);
	RUN(mistakes);
	return unit_end();
}
