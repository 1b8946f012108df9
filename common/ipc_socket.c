/* SPDX-License-Identifier: ISC */
#include "common/ipc_socket.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int
ipc_socket_send(int socket_fd, const uint8_t *data, size_t len, int fd)
{
	struct iovec iov = {
	    .iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct cmsghdr *c;
	ssize_t n;

	if (fd != -1) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	do
		n = sendmsg(socket_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n != -1)
		return 1;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ||
	    errno == ETOOMANYREFS)
		return 0;
	return -1;
}

/* The descriptor of a received packet in *fd (-1: none). False if the control
 * data is not exactly that. */
static bool
take_fd(struct msghdr *msg, int *fd)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	*fd = -1;
	if (c == NULL)
		return true;
	if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return false;
	memcpy(fd, CMSG_DATA(c), sizeof(int));
	return true;
}

ssize_t
ipc_socket_receive(int socket_fd, uint8_t *buf, size_t size, int *fd)
{
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	/* CMSG_LEN, not CMSG_SPACE: the padding would take a second one */
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.space,
	    .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t n;

	do
		n = recvmsg(socket_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	if (!take_fd(&msg, fd) || (msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
		if (*fd != -1)
			close(*fd);
		errno = EBADMSG;
		return -1;
	}
	return n;
}

int
ipc_socket_unread(int socket_fd)
{
	int bytes;

	return ioctl(socket_fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}
