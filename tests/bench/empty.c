/* SPDX-License-Identifier: MIT
 * What starting any dynamic C program costs. (true.c is the same, linked statically: the shortest
 * life a process in a container can have.)
 */
int
main(void)
{
	return 0;
}
