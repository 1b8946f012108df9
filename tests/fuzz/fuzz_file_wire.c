/* SPDX-License-Identifier: ISC */
/* Heads of the file protocol: what is taken survives a round trip. */
#include <stdlib.h>
#include <string.h>

#include "dm-net/sync/file_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t buf[FILE_HEAD_MAX];
	struct file_request req, req2;
	struct file_answer ans, ans2;
	ssize_t n = file_request_decode(&req, data, len);

	if (n > (ssize_t)len || (n == 0 && len >= FILE_HEAD_MAX))
		abort();
	if (n > 0) {
		size_t m = file_request_encode(&req, buf);

		if (file_request_decode(&req2, buf, m) != (ssize_t)m ||
		    memcmp(&req, &req2, sizeof(req)) != 0)
			abort();
	}
	n = file_answer_decode(&ans, data, len);
	if (n > (ssize_t)len || (n == 0 && len >= FILE_HEAD_MAX))
		abort();
	if (n > 0) {
		size_t m = file_answer_encode(&ans, buf);

		if (file_answer_decode(&ans2, buf, m) != (ssize_t)m ||
		    ans.status != ans2.status || ans.size != ans2.size)
			abort();
	}
	return 0;
}
