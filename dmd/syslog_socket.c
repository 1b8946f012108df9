/* SPDX-License-Identifier: ISC */
#include "dmd/syslog_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
syslog_socket_connect(void)
{
	const struct sockaddr_un sa = {
	    .sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}
