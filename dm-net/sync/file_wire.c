/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/msgpull.h"
#include "common/msgput.h"
#include "dm-net/sync/file_wire.h"

/*
 * Puts the length before a body of less than FILE_HEAD_MAX - 2 bytes that was
 * written at buf + 2.
 */
static size_t
head_seal(uint8_t *buf, size_t body_len)
{
	if (body_len < 0x80) {
		buf[0] = (uint8_t)body_len;
		memmove(buf + 1, buf + 2, body_len);
		return body_len + 1;
	}
	buf[0] = (uint8_t)(0x80 | (body_len & 0x7f));
	buf[1] = (uint8_t)(body_len >> 7);
	return body_len + 2;
}

/*
 * Finds the body: its bytes and the length of the whole head. 0: more bytes
 * are needed, -1: too long, or a varint that is not in its smallest form.
 */
static ssize_t
head_open(struct msgpull *m, const uint8_t *buf, size_t len)
{
	size_t at = 1, body;

	if (len == 0)
		return 0;
	body = buf[0] & 0x7fu;
	if (buf[0] & 0x80) {
		if (len < 2)
			return 0;
		if (buf[1] == 0 || buf[1] & 0x80)
			return -1;
		body |= (size_t)buf[1] << 7;
		at = 2;
	}
	if (body > FILE_HEAD_MAX - 2)
		return -1;
	if (len - at < body)
		return 0;
	msgpull_init(m, buf + at, body);
	return (ssize_t)(at + body);
}

size_t
file_request_encode(
    const struct file_request *req, uint8_t buf[static FILE_HEAD_MAX])
{
	struct msgput m;

	msgput_init(&m, buf + 2, FILE_HEAD_MAX - 2);
	msgput_array(&m, 3);
	msgput_bin(&m, req->key, sizeof(req->key));
	msgput_bin(&m, req->version, sizeof(req->version));
	msgput_u64(&m, req->offset);
	return head_seal(buf, msgput_len(&m));
}

size_t
file_answer_encode(
    const struct file_answer *ans, uint8_t buf[static FILE_HEAD_MAX])
{
	struct msgput m;

	msgput_init(&m, buf + 2, FILE_HEAD_MAX - 2);
	msgput_array(&m, 2);
	msgput_u64(&m, ans->status);
	msgput_u64(&m, ans->size);
	return head_seal(buf, msgput_len(&m));
}

/* Steps over elements that a later version may have added. */
static bool
pull_rest(struct msgpull *m, size_t count)
{
	while (count-- > 0) {
		if (!msgpull_skip(m))
			return false;
	}
	return msgpull_done(m);
}

ssize_t
file_request_decode(struct file_request *req, const uint8_t *buf, size_t len)
{
	struct msgpull m;
	size_t count;
	ssize_t taken = head_open(&m, buf, len);

	if (taken <= 0)
		return taken;
	if (!msgpull_array(&m, FILE_HEAD_MAX, &count) || count < 3 ||
	    !msgpull_fixed(&m, req->key, sizeof(req->key)) ||
	    !msgpull_fixed(&m, req->version, sizeof(req->version)) ||
	    !msgpull_u64(&m, UINT64_MAX, &req->offset) ||
	    !pull_rest(&m, count - 3))
		return -1;
	return taken;
}

ssize_t
file_answer_decode(struct file_answer *ans, const uint8_t *buf, size_t len)
{
	struct msgpull m;
	uint64_t status;
	size_t count;
	ssize_t taken = head_open(&m, buf, len);

	if (taken <= 0)
		return taken;
	if (!msgpull_array(&m, FILE_HEAD_MAX, &count) || count < 2 ||
	    !msgpull_u64(&m, FILE_BAD_OFFSET, &status) ||
	    !msgpull_u64(&m, UINT64_MAX, &ans->size) ||
	    !pull_rest(&m, count - 2))
		return -1;
	ans->status = (enum file_status)status;
	return taken;
}
