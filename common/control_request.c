/* SPDX-License-Identifier: ISC */
#include "common/control_request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Takes over what rides with the record. The padding of a control buffer for
 * one descriptor has room for a second one, so they are counted.
 */
static void
ancillary_take(struct control_request *req, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	size_t n;
	int fd;

	req->is_bad_ancillary = (msg->msg_flags & MSG_CTRUNC) != 0;
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS) {
			req->is_bad_ancillary = true;
			continue;
		}
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int),
			    sizeof(int));
			if (req->fd == -1) {
				req->fd = fd;
				continue;
			}
			req->is_bad_ancillary = true;
			close(fd);
		}
	}
}

int
control_request_receive(int fd, bool may_attach, struct control_request *req)
{
	struct iovec iov = {req->buf, sizeof(req->buf)};
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t len;

	/* without a buffer the kernel drops them, and says MSG_CTRUNC */
	if (may_attach) {
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
	}
	req->fd = -1;
	len = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len <= 0) {
		errno = len == 0 ? ECONNRESET : errno;
		return -1;
	}
	req->len = (size_t)len;
	ancillary_take(req, &msg);
	return 0;
}

/*
 * dmd's own commands, without a MessagePack decoder: root takes exactly the
 * bytes that a client of this protocol sends, an array of small numbers.
 */
static bool
body_decode_fixed(const struct control_info *info, void *fields,
    const uint8_t *body, size_t len)
{
	const struct codec_struct *layout = &info->layout;

	if (len != layout->n_fields + 2 || layout->n_fields > 14 ||
	    body[0] != (0x90 | (layout->n_fields + 1)) ||
	    body[1] != info->command)
		return false;
	for (size_t i = 0; i < layout->n_fields; i++) {
		const struct codec_field *f = &layout->fields[i];
		uint64_t number = body[2 + i];

		if (f->kind != CODEC_U64 || number > 0x7f || number > f->limit)
			return false;
		memcpy((uint8_t *)fields + f->offset, &number, sizeof(number));
	}
	return true;
}

/* Content comes in memory that nobody can change while it is verified. */
static bool
is_sealed_memfd(int fd)
{
	const int wanted = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	struct stat st;
	int seals;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return false;
	seals = fcntl(fd, F_GET_SEALS);
	return seals != -1 && (seals & wanted) == wanted;
}

enum verdict
control_request_judge(const struct control_request *req, enum role self,
    const uint8_t header[static CONTROL_HEADER_SIZE], bool privileged,
    const struct control_info **info, union control_body *body,
    const char **why)
{
	const uint8_t *bytes = req->buf + CONTROL_HEADER_SIZE;
	uint16_t body_len;
	uint8_t command;
	bool ok;

	*why = "the request's header, length or descriptors are wrong";
	if (req->is_bad_ancillary || req->len > CONTROL_REQUEST_MAX ||
	    req->len < CONTROL_HEADER_SIZE ||
	    memcmp(req->buf, header, CONTROL_HEADER_SIZE) != 0 ||
	    !control_header_decode(req->buf, &command, &body_len) ||
	    req->len != CONTROL_HEADER_SIZE + (size_t)body_len)
		return VERDICT_MALFORMED;
	*info = control_info(command);
	*why = NULL;
	if (*info == NULL || (*info)->owner != self)
		return VERDICT_UNKNOWN_COMMAND;
	if ((*info)->privileged && !privileged)
		return VERDICT_DENIED;
	*why = "the request's fields are wrong";
	ok = self == ROLE_DMD
		 ? body_decode_fixed(*info, body, bytes, body_len)
		 : control_body_decode((*info)->command, body, bytes, body_len);
	if (!ok)
		return VERDICT_MALFORMED;
	*why = "what is attached must be one sealed memfd";
	if (req->fd != -1 && (!(*info)->may_fd || !is_sealed_memfd(req->fd)))
		return VERDICT_MALFORMED;
	return VERDICT_OK;
}
