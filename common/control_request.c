/* SPDX-License-Identifier: ISC */
#include "common/control_request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fdpass.h"

int
control_request_receive(int fd, bool may_attach, struct control_request *req)
{
	struct fdpass_extra extra;
	ssize_t len =
	    fdpass_receive(fd, req->buf, sizeof(req->buf), may_attach, &extra);

	req->fd = extra.fd;
	req->is_bad_ancillary = extra.is_strange;
	if (len <= 0) {
		errno = len == 0 ? ECONNRESET : errno;
		return -1;
	}
	req->len = (size_t)len;
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

	*why = "the request's header, length or descriptors are wrong: use "
	       "dmctl and dmd of the same version";
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
	*why = "the request's fields are wrong: use dmctl and dmd of the same "
	       "version";
	ok = self == ROLE_DMD
		 ? body_decode_fixed(*info, body, bytes, body_len)
		 : control_body_decode((*info)->command, body, bytes, body_len);
	if (!ok)
		return VERDICT_MALFORMED;
	*why = "the attached descriptor must be one sealed memfd";
	if (req->fd != -1 && (!(*info)->may_fd || !is_sealed_memfd(req->fd)))
		return VERDICT_MALFORMED;
	return VERDICT_OK;
}
