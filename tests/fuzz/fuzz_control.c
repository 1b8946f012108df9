/* SPDX-License-Identifier: ISC */
/* Request records as each process judges them, and answers as dmctl does. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/control.h"
#include "common/control_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What was accepted is encoded to something that is accepted again. */
static void
request_again(const struct control_info *info, const void *body)
{
	uint8_t buf[CONTROL_REQUEST_MAX];
	union control_body again;
	size_t len = control_request_encode(info->command, body, buf);

	if (!control_body_decode(info->command, &again,
		buf + CONTROL_HEADER_SIZE, len - CONTROL_HEADER_SIZE))
		abort();
}

static void
fuzz_request(const uint8_t *data, size_t size, enum role self)
{
	static struct control_request req;
	uint8_t header[CONTROL_HEADER_SIZE] = {0};
	const struct control_info *info = NULL;
	union control_body body;
	const char *why;

	req.len = size < sizeof(req.buf) ? size : sizeof(req.buf);
	memcpy(req.buf, data, req.len);
	memcpy(header, data, size < sizeof(header) ? size : sizeof(header));
	req.fd = -1;
	if (control_request_judge(
		&req, self, header, true, &info, &body, &why) == VERDICT_OK)
		request_again(info, &body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_answer answer;
	uint8_t buf[CONTROL_ANSWER_MAX];

	fuzz_request(data, size, ROLE_DMD);
	fuzz_request(data, size, ROLE_NET);
	fuzz_request(data, size, ROLE_STORE);
	if (control_answer_decode(&answer, data, size) && !answer.is_end)
		control_row_encode(answer.kind, &answer.row, buf);
	return 0;
}
