/* SPDX-License-Identifier: ISC */
#include "common/ipc_socket.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fdpass.h"

int
ipc_socket_send(int socket_fd, const uint8_t *data, size_t len, int fd)
{
	if (fdpass_send(socket_fd, data, len, fd, MSG_DONTWAIT) != -1)
		return 1;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ||
	    errno == ETOOMANYREFS)
		return 0;
	return -1;
}

ssize_t
ipc_socket_receive(int socket_fd, uint8_t *buf, size_t size, int *fd)
{
	struct fdpass_extra extra;
	ssize_t n = fdpass_receive(socket_fd, buf, size, true, &extra);

	if (n != -1 && (extra.is_strange || extra.is_cut)) {
		if (extra.fd != -1)
			close(extra.fd);
		extra.fd = -1;
		errno = EBADMSG;
		n = -1;
	}
	*fd = extra.fd;
	return n;
}

int
ipc_socket_unread(int socket_fd)
{
	int bytes;

	return ioctl(socket_fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}
