/* SPDX-License-Identifier: ISC */
/*
 * A negotiation, fed whole and then in pieces: both must end alike. The first
 * byte has the role (bit 0), the number of protocols (bit 1) and the size of
 * the pieces (the others).
 */
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/multistream.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct outcome {
	enum multistream_status status;
	size_t consumed;
	size_t sent_len;
	uint8_t sent[2 * MULTISTREAM_OUTPUT_MAX];
};

static const char *const protocols[] = {"/ipfs/ping/1.0.0", "/tls/1.0.0"};

static void
flush(struct multistream *ms, struct outcome *outcome)
{
	const uint8_t *out;
	size_t len;

	out = multistream_output(ms, &len);
	if (len > sizeof(outcome->sent) - outcome->sent_len)
		abort();
	memcpy(outcome->sent + outcome->sent_len, out, len);
	outcome->sent_len += len;
	multistream_sent(ms, len);
}

static void
negotiate(struct outcome *outcome, uint8_t flags, size_t piece,
    const uint8_t *in, size_t in_len)
{
	struct multistream ms;
	size_t count = flags & 2 ? 2 : 1, len, consumed;

	memset(outcome, 0, sizeof(*outcome));
	if (flags & 1)
		multistream_dial(&ms, protocols, count);
	else
		multistream_listen(&ms, protocols, count);
	flush(&ms, outcome);
	while (
	    outcome->consumed < in_len && outcome->status == MULTISTREAM_MORE) {
		len = in_len - outcome->consumed;
		if (len > piece)
			len = piece;
		outcome->status = multistream_input(
		    &ms, in + outcome->consumed, len, &consumed);
		if (consumed > len ||
		    (outcome->status == MULTISTREAM_MORE && consumed < len))
			abort();
		outcome->consumed += consumed;
		flush(&ms, outcome);
	}
	if ((multistream_protocol(&ms) != NULL) !=
	    (outcome->status == MULTISTREAM_DONE))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct outcome whole, pieces;

	if (len == 0)
		return 0;
	negotiate(&whole, data[0], len, data + 1, len - 1);
	negotiate(&pieces, data[0], 1 + (data[0] >> 2), data + 1, len - 1);
	if (whole.status != pieces.status ||
	    whole.consumed != pieces.consumed ||
	    whole.sent_len != pieces.sent_len ||
	    memcmp(whole.sent, pieces.sent, whole.sent_len) != 0)
		abort();
	return 0;
}
