/* SPDX-License-Identifier: MIT
 * The door, as sys.h: who the process is and what it may do. None of this is undone: it is the
 * process itself that changes, and a process that fails here ends.
 */
#ifndef TACKLE_SYS_CRED_H
#define TACKLE_SYS_CRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sock_filter;

/* setgroups(2), setresgid(2), setresuid(2) with the same id three times. */
int sys_setgroups(const char *why, size_t n, const gid_t *gids);
int sys_setgid(const char *why, gid_t gid);
int sys_setuid(const char *why, uid_t uid);

/* The capabilities that the process has: permitted and bounding set. */
int sys_get_caps(uint64_t *permitted);
/* PR_CAPBSET_DROP of all that are not in `keep` (capabilities(7)). */
int sys_bound_caps(const char *why, uint64_t keep);
/* capset(2): permitted and effective become `caps`; inheritable, and with it ambient, empty. */
int sys_set_caps(const char *why, uint64_t caps);

/* PR_SET_NO_NEW_PRIVS. */
int sys_no_new_privs(const char *why);
/* seccomp(2), SECCOMP_SET_MODE_FILTER. */
int sys_seccomp(const char *why, const struct sock_filter *filter, unsigned short len);
/* PR_SET_PDEATHSIG SIGKILL. */
int sys_death_signal(const char *why);
/* PR_SET_DUMPABLE 0: others in our namespaces cannot look into /proc/PID of ours. */
int sys_not_dumpable(const char *why);
/* PR_SET_DUMPABLE 1: after a change of ids, the files of /proc/self are ours again. */
int sys_dumpable(const char *why);

/* setrlimit(2); `name` as prlimit(1) has it. */
int sys_setrlimit(const char *why, int resource, const char *name, uint64_t soft, uint64_t hard);
/* umask(2). */
int sys_umask(const char *why, mode_t mask);
/* All descriptors from `first` on are closed at exec (close_range(2)). */
int sys_close_on_exec(const char *why, unsigned first);
/* setsid(2), and the terminal behind fd, given to uid (-1: as it is), becomes the controlling one
 * and standard input, output and error (tty_ioctl(4)). */
int sys_take_terminal(const char *why, int fd, uid_t uid);

/* setenv(3), and clearenv(3), of what the program will see. */
int sys_setenv(const char *why, const char *name, const char *value);
int sys_clearenv(const char *why);
/* setenv(3) of what a file held: that is told, and not the value, for it is nobody's business. */
int sys_setenv_from(const char *why, const char *name, const char *value, const char *file);

#endif
