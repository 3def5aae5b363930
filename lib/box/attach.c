/* SPDX-License-Identifier: MIT */
#include "box/attach.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/channel.h"
#include "door/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* How often a waiter looks whether its box is still there. */
#define GONE_MS 200

/* ---- channels ---- */

/* A socket's name has room for 107 bytes; a directory's descriptor makes any path short. */
static int
address(const char *dir, const char *name, struct sockaddr_un *at, int *fd)
{
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	*fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	snprintf(at->sun_path, sizeof(at->sun_path), "/proc/self/fd/%d/%.64s", *fd, name);
	return *fd < 0 ? -1 : 0;
}

int
attach_connect(const struct box *b, int *sock)
{
	char dir[PATH_MAX];
	struct sockaddr_un at;
	auto_fd int fd = -1;
	*sock = -1;
	if (box_run_dir(b, dir) < 0)
		return -1;
	if (address(dir, "attach.sock", &at, &fd) < 0)
		return 0;
	auto_fd int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0)
		return err_sys("socket", NULL, "cannot make a channel to the box");
	if (connect(s, (struct sockaddr *)&at, sizeof(at)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED
			? 0
			: err_sys("connect", dir, "cannot attach to box %.12s", b->id);
	*sock = take_fd(&s);
	return 1;
}

int
attach_wait_dir(const struct box *b, char dir[PATH_MAX])
{
	char run[PATH_MAX];
	if (box_run_dir(b, run) < 0)
		return -1;
	snprintf(dir, PATH_MAX, "%.*s" BOX_WAIT_DIR, PATH_MAX - 40, run);
	return 0;
}

int
attach_wait_begin(const struct box *b, struct attach_wait *w)
{
	static atomic_uint n; /* apid waits for a box several times at once */
	char dir[PATH_MAX], name[40];
	struct sockaddr_un at;
	auto_fd int fd = -1;
	w->listener = -1;
	snprintf(w->box, sizeof(w->box), "%s", b->dir);
	if (attach_wait_dir(b, dir) < 0 ||
		sys_keep_dir("the place where it is waited for", dir, 0700) < 0)
		return -1;
	snprintf(name, sizeof(name), "%d-%u", getpid(), n++);
	snprintf(w->path, sizeof(w->path), "%.*s/%s", PATH_MAX - 48, dir, name);
	if (address(dir, name, &at, &fd) < 0)
		return err_sys("open", dir, "cannot open %s", dir);
	unlink(w->path);
	auto_fd int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(s, 1) < 0)
		return err_sys("bind", w->path, "cannot listen at %s", w->path);
	w->listener = take_fd(&s);
	return 0;
}

int
attach_wait_take(struct attach_wait *w, int *sock)
{
	struct pollfd p = {.fd = w->listener, .events = POLLIN};
	while (poll(&p, 1, GONE_MS) == 0)
		if (!dir_exists(w->box))
			return err_set(ERR_NOT_FOUND, w->box, "the box was removed");
	do
		*sock = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
	while (*sock < 0 && errno == EINTR);
	return *sock < 0 ? err_sys("accept", w->path, "cannot be called by the box") : 0;
}

void
attach_wait_end(struct attach_wait *w)
{
	if (w->listener < 0)
		return;
	close(take_fd(&w->listener));
	unlink(w->path);
}

/* ---- between terminal and box ---- */

static int
one_key(const char *word)
{
	if (strlen(word) == 1)
		return (unsigned char)*word;
	if (strncmp(word, "ctrl-", 5) != 0 || strlen(word) != 6)
		return -1;
	int c = (unsigned char)word[5];
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 1;
	const char *others = "@[\\]^_", *at = strchr(others, c);
	return at && c != '@' ? 27 + (int)(at - others) - 1 : c == '@' ? 0 : -1;
}

int
attach_keys_read(const char *text, struct attach_keys *keys)
{
	auto_free char *copy = str_new(text);
	*keys = (struct attach_keys){0};
	for (char *rest = *copy ? copy : NULL, *word; (word = strsep(&rest, ","));) {
		int key = one_key(word);
		if (key < 0 || keys->n == ATTACH_KEYS_MAX)
			return err_set(ERR_INVALID, text, "Invalid detach keys: %s", text);
		keys->key[keys->n++] = (char)key;
	}
	return 0;
}

bool
attach_keys_sift(struct attach_keys *keys, const char *in, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		while (keys->typed && in[i] != keys->key[keys->typed]) {
			buf_add(out, keys->key, keys->typed);
			keys->typed = 0;
		}
		if (keys->n && in[i] == keys->key[keys->typed]) {
			if (++keys->typed == keys->n)
				return false;
		} else {
			buf_addc(out, in[i]);
		}
	}
	return true;
}

static void
send_size(int sock, const struct winsize *size)
{
	char data[1 + sizeof(*size)] = "w";
	memcpy(data + 1, size, sizeof(*size));
	send(sock, data, sizeof(data), MSG_NOSIGNAL);
}

void
attach_own_size(int sock)
{
	struct winsize size;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		send_size(sock, &size);
}

int
attach_resize(const struct box *b, const struct winsize *size)
{
	auto_fd int sock = -1;
	int r = attach_connect(b, &sock);
	if (r == 0)
		err_set(ERR_CONFLICT, b->id, "Container %s is not running", b->id);
	if (r <= 0)
		return -1;
	send(sock, "q", 1, MSG_NOSIGNAL);
	send_size(sock, size);
	/* box-mon hangs up when it has taken all. What is typed after us comes to a terminal of the
	 * new size then, though it comes by another connection. */
	shutdown(sock, SHUT_WR);
	poll(&(struct pollfd){.fd = sock}, 1, 2000);
	return 0;
}

enum input { INPUT_MORE, INPUT_END, INPUT_LEAVE };

static enum input
send_input(int sock, struct attach_keys *keys)
{
	char data[BOX_INPUT];
	auto_buf struct buf packet = BUF_INIT;
	ssize_t n = read(STDIN_FILENO, data, sizeof(data) - ATTACH_KEYS_MAX - 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return INPUT_MORE;
	if (n <= 0) {
		send(sock, "e", 1, MSG_NOSIGNAL);
		return INPUT_END;
	}
	buf_addc(&packet, 'i');
	bool stay = attach_keys_sift(keys, data, (size_t)n, &packet);
	if (packet.len > 1)
		send(sock, packet.s, packet.len, MSG_NOSIGNAL);
	return stay ? INPUT_MORE : INPUT_LEAVE;
}

static void
write_all(int fd, const char *p, size_t n)
{
	ssize_t done;
	for (; n; p += done, n -= (size_t)done)
		if ((done = write(fd, p, n)) < 0) {
			if (errno == EAGAIN)
				poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
			else if (errno != EINTR)
				return;
			done = 0;
		}
}

/* Returns -1 to go on. */
static int
take_packet(int sock)
{
	char data[BOX_OUTPUT + 2];
	int status;
	ssize_t n = channel_take(sock, data, sizeof(data) - 1, 0);
	if (n < 0 && errno == EINTR)
		return -1;
	if (n <= 0)
		return 255; /* box-mon is gone, and nobody knows how the box ended */
	data[n] = '\0';
	if (data[0] == 'x' && sscanf(data + 1, "%d", &status) == 1)
		return status;
	write_all(data[0] == 'e' ? STDERR_FILENO : STDOUT_FILENO, data + 1, (size_t)n - 1);
	return -1;
}

static void
take_signal(const struct box *b, const struct attach *a, int signals)
{
	struct signalfd_siginfo si;
	auto_fd int pidfd = -1;
	pid_t pid;
	if (read(signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH)
		attach_own_size(a->sock);
	else if (box_pid(b, true, &pid, &pidfd) < 0 ||
		sys_pidfd_kill("what was sent to us", pidfd, pid, (int)si.ssi_signo) < 0)
		err_clear();
}

/* Input is read only when there is room for it on its way. Who waits for room does not take output
 * meanwhile; and box-mon, where that piles up, takes no more input. */
static int
loop(const struct box *b, const struct attach *a, struct attach_keys *keys, int signals)
{
	bool in = a->input, room = false;
	for (;;) {
		struct pollfd p[] = {{a->sock, (short)(POLLIN | (in && !room ? POLLOUT : 0)), 0},
			{in && room ? STDIN_FILENO : -1, POLLIN, 0}, {signals, POLLIN, 0}};
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[2].revents)
			take_signal(b, a, signals);
		if (p[0].revents & POLLOUT)
			room = true;
		if (p[1].revents) {
			room = false;
			enum input got = send_input(a->sock, keys);
			if (got == INPUT_LEAVE)
				return ATTACH_DETACHED;
			in = got == INPUT_MORE;
		}
		int status = p[0].revents & ~POLLOUT ? take_packet(a->sock) : -1;
		if (status >= 0)
			return status;
	}
}

static int
watch_signals(const struct attach *a, sigset_t *old)
{
	static const int proxied[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
	sigset_t set;
	sigemptyset(&set);
	if (a->tty)
		sigaddset(&set, SIGWINCH);
	for (size_t i = 0; a->signals && i < sizeof(proxied) / sizeof(proxied[0]); i++)
		sigaddset(&set, proxied[i]);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int
attach_relay(const struct box *b, const struct attach *a)
{
	struct termios before, raw;
	struct attach_keys keys;
	sigset_t old;
	bool raw_mode = a->tty && a->input && tcgetattr(STDIN_FILENO, &before) == 0;
	if (attach_keys_read(a->keys ? a->keys : raw_mode ? ATTACH_KEYS_USUAL : "", &keys) < 0)
		return -1;
	auto_fd int signals = watch_signals(a, &old);
	signal(SIGPIPE, SIG_IGN);
	if (raw_mode) {
		raw = before;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	if (a->tty)
		attach_own_size(a->sock);
	if (a->input)
		send(a->sock, "s", 1, MSG_NOSIGNAL);
	if (!a->output)
		send(a->sock, "q", 1, MSG_NOSIGNAL);
	int status = loop(b, a, &keys, signals);
	if (raw_mode)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}
