/* SPDX-License-Identifier: ISC */
#include "common/fdpass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(sizeof(int))];
};

ssize_t
fdpass_send(int socket_fd, const void *data, size_t len, int fd, int flags)
{
	struct iovec iov = {(void *)(uintptr_t)data, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	struct cmsghdr *c;
	ssize_t n;

	if (fd != -1) {
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	do
		n = sendmsg(socket_fd, &msg, flags | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n;
}

/* Keeps the first descriptor of c, and closes any others. */
static void
take_fds(struct fdpass_extra *extra, struct cmsghdr *c)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd;

	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
		if (extra->fd == -1) {
			extra->fd = fd;
			continue;
		}
		extra->is_strange = true;
		close(fd);
	}
}

static void
take_control(struct fdpass_extra *extra, struct msghdr *msg)
{
	struct cmsghdr *c;

	extra->is_strange = (msg->msg_flags & MSG_CTRUNC) != 0;
	extra->is_cut = (msg->msg_flags & MSG_TRUNC) != 0;
	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_fds(extra, c);
		else
			extra->is_strange = true;
	}
}

ssize_t
fdpass_receive(int socket_fd, void *buf, size_t size, bool may_attach,
    struct fdpass_extra *extra)
{
	struct iovec iov = {buf, size};
	union control control;
	struct msghdr msg;
	ssize_t n;

	*extra = (struct fdpass_extra){.fd = -1};
	do {
		msg = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
		if (may_attach) {
			msg.msg_control = control.space;
			/* not CMSG_SPACE: its padding has room for a second */
			msg.msg_controllen = CMSG_LEN(sizeof(int));
		}
		n = recvmsg(socket_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n == -1 && errno == EINTR);
	if (n != -1)
		take_control(extra, &msg);
	return n;
}
