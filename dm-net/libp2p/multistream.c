/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/multistream.h"

#include <stdlib.h>
#include <string.h>

#define HEADER "/multistream/1.0.0"
#define REFUSAL "na"

/* Every length we write fits in one byte. */
_Static_assert(MULTISTREAM_PROTOCOL_MAX + 1 < 0x80, "length of one byte");
/* Every length we read fits in two. */
_Static_assert(MULTISTREAM_MESSAGE_MAX < 0x4000, "length of two bytes");

const char *
multistream_status_text(enum multistream_status status)
{
	switch (status) {
	case MULTISTREAM_MORE:
		return "negotiating";
	case MULTISTREAM_DONE:
		return "agreed";
	case MULTISTREAM_REFUSED:
		return "the peer supports no protocol that we proposed";
	case MULTISTREAM_BAD_LENGTH:
		return "multistream message with a bad length";
	case MULTISTREAM_BAD_NEWLINE:
		return "multistream message without a newline";
	case MULTISTREAM_BAD_HEADER:
		return "the peer does not speak multistream-select 1.0";
	case MULTISTREAM_BAD_ANSWER:
		return "multistream answer with a protocol that was not "
		       "proposed";
	case MULTISTREAM_TOO_MANY:
		return "too many multistream proposals";
	}
	return "unknown status";
}

static void
put(struct multistream *ms, const char *text)
{
	size_t len = strlen(text);

	if (len + 2 > sizeof(ms->output) - ms->output_len)
		abort();
	ms->output[ms->output_len++] = (uint8_t)(len + 1);
	memcpy(ms->output + ms->output_len, text, len);
	ms->output_len = (uint16_t)(ms->output_len + len);
	ms->output[ms->output_len++] = '\n';
}

static void
start(struct multistream *ms, const char *const *protocols, size_t count)
{
	if (count == 0)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (strlen(protocols[i]) - 1 >= MULTISTREAM_PROTOCOL_MAX)
			abort();
	}
	memset(ms, 0, sizeof(*ms));
	ms->protocols = protocols;
	ms->protocol_count = count;
	ms->status = MULTISTREAM_MORE;
}

void
multistream_dial(
    struct multistream *ms, const char *const *protocols, size_t count)
{
	start(ms, protocols, count);
	ms->is_dialer = true;
	put(ms, HEADER);
	put(ms, protocols[0]);
}

void
multistream_listen(
    struct multistream *ms, const char *const *protocols, size_t count)
{
	start(ms, protocols, count);
}

/* Whether the message just read is `text`. */
static bool
is_message(const struct multistream *ms, const char *text)
{
	size_t len = strlen(text);

	return ms->need == len + 1 && memcmp(ms->text, text, len) == 0;
}

static enum multistream_status
answered(struct multistream *ms)
{
	if (is_message(ms, ms->protocols[ms->current]))
		return MULTISTREAM_DONE;
	if (!is_message(ms, REFUSAL))
		return MULTISTREAM_BAD_ANSWER;
	if (ms->current + 1 == ms->protocol_count)
		return MULTISTREAM_REFUSED;
	if (ms->output_sent < ms->output_len)
		return MULTISTREAM_BAD_ANSWER; /* to what it has not seen */
	ms->output_len = 0;
	ms->output_sent = 0;
	put(ms, ms->protocols[++ms->current]);
	return MULTISTREAM_MORE;
}

static enum multistream_status
proposed(struct multistream *ms)
{
	if (++ms->proposal_count > MULTISTREAM_PROPOSALS_MAX)
		return MULTISTREAM_TOO_MANY;
	for (size_t i = 0; i < ms->protocol_count; i++) {
		if (!is_message(ms, ms->protocols[i]))
			continue;
		ms->current = i;
		put(ms, ms->protocols[i]);
		return MULTISTREAM_DONE;
	}
	put(ms, REFUSAL);
	return MULTISTREAM_MORE;
}

static enum multistream_status
message(struct multistream *ms)
{
	if (ms->last != '\n')
		return MULTISTREAM_BAD_NEWLINE;
	if (ms->has_header)
		return ms->is_dialer ? answered(ms) : proposed(ms);
	if (!is_message(ms, HEADER))
		return MULTISTREAM_BAD_HEADER;
	ms->has_header = true;
	if (!ms->is_dialer)
		put(ms, HEADER);
	return MULTISTREAM_MORE;
}

/* Takes one byte of the length prefix. */
static enum multistream_status
length_byte(struct multistream *ms, uint8_t byte)
{
	ms->length[ms->length_used++] = byte;
	if (byte & 0x80) {
		return ms->length_used < sizeof(ms->length)
			   ? MULTISTREAM_MORE
			   : MULTISTREAM_BAD_LENGTH;
	}
	ms->need = ms->length[0] & 0x7f;
	if (ms->length_used == 2) {
		if (byte == 0) /* not the shortest form */
			return MULTISTREAM_BAD_LENGTH;
		ms->need = (uint16_t)(ms->need | byte << 7);
	}
	if (ms->need == 0 || ms->need > MULTISTREAM_MESSAGE_MAX)
		return MULTISTREAM_BAD_LENGTH;
	/* A peer of another kind is told apart by its first byte. */
	if (!ms->has_header && ms->need != sizeof(HEADER))
		return MULTISTREAM_BAD_HEADER;
	return MULTISTREAM_MORE;
}

/*
 * Takes bytes of the message, at most `in_len`; returns how many. Only the
 * first ones are kept: a longer message can be none that we know.
 */
static size_t
message_bytes(struct multistream *ms, const uint8_t *in, size_t in_len)
{
	size_t take = (size_t)(ms->need - ms->have), keep = 0;

	if (take > in_len)
		take = in_len;
	if (ms->have < sizeof(ms->text))
		keep = sizeof(ms->text) - ms->have;
	if (keep > take)
		keep = take;
	if (keep > 0)
		memcpy(ms->text + ms->have, in, keep);
	ms->have = (uint16_t)(ms->have + take);
	ms->last = in[take - 1];
	return take;
}

enum multistream_status
multistream_input(
    struct multistream *ms, const uint8_t *in, size_t in_len, size_t *consumed)
{
	size_t at = 0;

	while (ms->status == MULTISTREAM_MORE && at < in_len) {
		if (ms->need == 0) {
			ms->status = length_byte(ms, in[at++]);
			continue;
		}
		at += message_bytes(ms, in + at, in_len - at);
		if (ms->have < ms->need)
			continue;
		ms->status = message(ms);
		ms->need = 0;
		ms->have = 0;
		ms->length_used = 0;
	}
	*consumed = at;
	return ms->status;
}

const uint8_t *
multistream_output(const struct multistream *ms, size_t *len)
{
	*len = (size_t)(ms->output_len - ms->output_sent);
	return ms->output + ms->output_sent;
}

void
multistream_sent(struct multistream *ms, size_t len)
{
	if (len > (size_t)(ms->output_len - ms->output_sent))
		abort();
	ms->output_sent = (uint16_t)(ms->output_sent + len);
}

const char *
multistream_protocol(const struct multistream *ms)
{
	return ms->status == MULTISTREAM_DONE ? ms->protocols[ms->current]
					      : NULL;
}

size_t
multistream_index(const struct multistream *ms)
{
	return ms->current;
}
