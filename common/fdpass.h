/* SPDX-License-Identifier: ISC */
/*
 * One message into a Unix socket or out of it, and the descriptor that rides
 * with it (SCM_RIGHTS, unix(7)). It keeps nothing and queues nothing.
 */
#ifndef COMMON_FDPASS_H
#define COMMON_FDPASS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* fd: -1 for none; it stays the caller's. flags: as for sendmsg(2);
 * MSG_NOSIGNAL is always set. Returns as sendmsg(2), but never with EINTR. */
ssize_t fdpass_send(
    int socket_fd, const void *data, size_t len, int fd, int flags);

/* The descriptor and the flags that came with the bytes of a message. */
struct fdpass_extra {
	int fd;		 /* close-on-exec, now the caller's; -1: none */
	bool is_strange; /* more than one descriptor, or other control data */
	bool is_cut;	 /* the message had more than size bytes */
};

/*
 * Does not wait. At most one descriptor is taken in, none unless may_attach;
 * the kernel closes the others. *extra is always set. Returns as recvmsg(2),
 * but never with EINTR.
 */
ssize_t fdpass_receive(int socket_fd, void *buf, size_t size, bool may_attach,
    struct fdpass_extra *extra);

#endif
