/* SPDX-License-Identifier: ISC */
/* What ssh-agent answers, and the head of a file made by dmctl sign. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dmctl/agent.h"
#include "dmctl/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct agent_key keys[AGENT_KEYS_MAX];
	uint8_t head[BUNDLE_HEAD_MAX], signature[64];
	struct entry e, again;
	size_t n, len;

	if (agent_parse_keys(data, size, keys, &n) == AGENT_OK &&
	    n > AGENT_KEYS_MAX)
		abort();
	for (size_t i = 0; i < n; i++)
		if (strlen(keys[i].comment) >= AGENT_COMMENT_MAX)
			abort();
	agent_parse_signature(data, size, signature);
	len = bundle_parse(data, size, &e);
	if (len == 0)
		return 0;
	if (len > size ||
	    bundle_parse(head, bundle_format(&e, head), &again) == 0 ||
	    memcmp(&e, &again, sizeof(e)) != 0)
		abort();
	return 0;
}
