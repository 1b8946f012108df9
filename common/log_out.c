/* SPDX-License-Identifier: ISC */
#include "common/log_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static enum {
	OUT_WRITE,  /* may wait, or never does */
	OUT_SEND,   /* a socket */
	OUT_POLLED, /* would wait: asked first */
} way = OUT_WRITE;

/* A part of the last line went out. */
static bool is_torn;

/* True if descriptor 2 is now an open file of our own that never waits. */
static bool
open_anew(void)
{
	int fd = open(
	    "/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	bool ok;

	if (fd == -1)
		return false;
	/* the copy is not closed on exec */
	ok = fd != STDERR_FILENO && dup2(fd, STDERR_FILENO) == STDERR_FILENO;
	close(fd);
	return ok;
}

void
log_out_own(void)
{
	struct stat st;

	way = OUT_WRITE;
	if (fstat(STDERR_FILENO, &st) == -1 || S_ISREG(st.st_mode))
		return;
	if (S_ISSOCK(st.st_mode))
		way = OUT_SEND;
	else if (!open_anew())
		way = OUT_POLLED;
}

static bool
has_room(int wait_ms)
{
	struct pollfd pfd = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&pfd, 1, wait_ms) == 1;
}

static ssize_t
put(const char *data, size_t len)
{
	if (way == OUT_SEND)
		return send(
		    STDERR_FILENO, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (way == OUT_POLLED && !has_room(0)) {
		errno = EAGAIN;
		return -1;
	}
	return write(STDERR_FILENO, data, len);
}

/* Once more if it was too early. */
static ssize_t
put_patient(const char *data, size_t len, int wait_ms)
{
	ssize_t n;

	do
		n = put(data, len);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN && wait_ms > 0 && has_room(wait_ms))
		n = put(data, len);
	return n;
}

bool
log_out_write(const char *line, size_t len, int wait_ms)
{
	ssize_t n;

	if (is_torn && put_patient("\n", 1, wait_ms) != 1)
		return false;
	is_torn = false;
	n = put_patient(line, len, wait_ms);
	is_torn = n > 0 && (size_t)n < len;
	return n == (ssize_t)len;
}
