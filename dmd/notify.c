/* SPDX-License-Identifier: ISC */
#include "dmd/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

static int
notify_connect(const char *name)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd;

	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
	    len >= sizeof(sa.sun_path))
		return -1;
	memcpy(sa.sun_path, name, len);
	if (name[0] == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (struct sockaddr *)&sa,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) ==
	    -1) {
		close(fd);
		return -1;
	}
	return fd;
}

void
notify_open(struct notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	n->fd = name != NULL ? notify_connect(name) : -1;
	n->watchdog_us = 0;
	n->n_queued = 0;
	if (name != NULL && n->fd == -1)
		log_warn("cannot reach the service manager at %s", name);
	if (usec != NULL &&
	    (pid == NULL || strtol(pid, NULL, 10) == (long)getpid()))
		n->watchdog_us = strtoull(usec, NULL, 10);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void
notify_close(struct notify *n)
{
	if (n->fd != -1)
		close(n->fd);
	n->fd = -1;
}

/* False: there is no room. After another failure the message is dropped. */
static bool
put(const struct notify *n, const char *text)
{
	ssize_t sent;

	do
		sent = send(n->fd, text, strlen(text), MSG_NOSIGNAL);
	while (sent == -1 && errno == EINTR);
	return sent != -1 || (errno != EAGAIN && errno != ENOBUFS);
}

static void
queue_drop_first(struct notify *n)
{
	n->n_queued--;
	memmove(n->queue[0], n->queue[1], n->n_queued * sizeof(n->queue[0]));
}

static void
queue_add(struct notify *n, const char *text)
{
	if (n->n_queued > 0 && strcmp(n->queue[n->n_queued - 1], text) == 0)
		return;
	if (n->n_queued == NOTIFY_QUEUE_MAX)
		queue_drop_first(n);
	snprintf(n->queue[n->n_queued++], NOTIFY_TEXT_MAX, "%s", text);
}

void
notify_flush(struct notify *n)
{
	while (n->n_queued > 0 && put(n, n->queue[0]))
		queue_drop_first(n);
}

void
notify_send(struct notify *n, const char *fmt, ...)
{
	char text[NOTIFY_TEXT_MAX];
	va_list ap;
	int len;

	if (n->fd == -1)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(text))
		return;
	notify_flush(n);
	if (n->n_queued > 0 || !put(n, text))
		queue_add(n, text);
}
