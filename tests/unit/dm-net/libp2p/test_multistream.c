/* SPDX-License-Identifier: ISC */
#include "tests/unit/dm-net/libp2p/vectors.h"

#include "dm-net/libp2p/multistream.h"

#define HEADER "132f6d756c746973747265616d2f312e302e300a"
#define TLS "0b2f746c732f312e302e300a"
#define PING "112f697066732f70696e672f312e302e300a"
#define NA "036e610a"
#define REST "160301ffff" /* what the next layer must get */

static const char *const tls[] = {"/tls/1.0.0"};
static const char *const ping_tls[] = {"/ipfs/ping/1.0.0", "/tls/1.0.0"};

/* What one negotiation did. */
struct run {
	enum multistream_status status;
	size_t consumed;
	struct bytes sent;
};

static void
flush(struct multistream *ms, struct run *run)
{
	const uint8_t *out;
	size_t len;

	out = multistream_output(ms, &len);
	assert_true(len <= sizeof(run->sent.at) - run->sent.len);
	memcpy(run->sent.at + run->sent.len, out, len);
	run->sent.len += len;
	multistream_sent(ms, len);
	(void)multistream_output(ms, &len);
	assert_int_equal(len, 0);
}

/*
 * Feeds `in` in pieces: of one size, or of random sizes if it is 0. Each
 * piece is in memory of its own, so that reading past it is noticed.
 */
static struct run
feed(struct multistream *ms, const struct bytes *in, size_t piece,
    unsigned int seed)
{
	struct run run = {.status = MULTISTREAM_MORE};
	size_t at = 0, len, consumed;
	uint8_t *copy;

	flush(ms, &run);
	while (at < in->len && run.status == MULTISTREAM_MORE) {
		len = piece > 0 ? piece : 1 + (size_t)rand_r(&seed) % 30;
		if (len > in->len - at)
			len = in->len - at;
		copy = malloc(len);
		assert_non_null(copy);
		memcpy(copy, in->at + at, len);
		run.status = multistream_input(ms, copy, len, &consumed);
		free(copy);
		assert_true(consumed <= len);
		if (run.status == MULTISTREAM_MORE)
			assert_int_equal(consumed, len);
		at += consumed;
		flush(ms, &run);
	}
	run.consumed = at;
	return run;
}

struct row {
	bool is_dialer;
	const char *const *protocols;
	size_t count;
	const char *in;
	enum multistream_status status;
	const char *agreed;
	const char *sent;
	size_t left; /* bytes at the end of `in` for the next layer */
};

static const struct row rows[] = {
    {true, tls, 1, HEADER TLS REST, MULTISTREAM_DONE, "/tls/1.0.0", HEADER TLS,
	5},
    {true, tls, 1, HEADER NA REST, MULTISTREAM_REFUSED, NULL, HEADER TLS, 5},
    {true, ping_tls, 2, HEADER PING, MULTISTREAM_DONE, "/ipfs/ping/1.0.0",
	HEADER PING, 0},
    {true, ping_tls, 2, HEADER NA TLS REST, MULTISTREAM_DONE, "/tls/1.0.0",
	HEADER PING TLS, 5},
    {true, ping_tls, 2, HEADER NA NA, MULTISTREAM_REFUSED, NULL,
	HEADER PING TLS, 0},
    {true, ping_tls, 2, HEADER TLS, MULTISTREAM_BAD_ANSWER, NULL, HEADER PING,
	0},
    {true, tls, 1, HEADER HEADER, MULTISTREAM_BAD_ANSWER, NULL, HEADER TLS, 0},
    {true, tls, 1, TLS, MULTISTREAM_BAD_HEADER, NULL, HEADER TLS, 11},
    {true, tls, 1, HEADER, MULTISTREAM_MORE, NULL, HEADER TLS, 0},
    /* A lazy dialer's flight: header, proposal and its first data. */
    {false, tls, 1, HEADER TLS REST, MULTISTREAM_DONE, "/tls/1.0.0", HEADER TLS,
	5},
    {false, ping_tls, 2, HEADER TLS REST, MULTISTREAM_DONE, "/tls/1.0.0",
	HEADER TLS, 5},
    {false, tls, 1, HEADER PING TLS REST, MULTISTREAM_DONE, "/tls/1.0.0",
	HEADER NA TLS, 5},
    /* ls, and a prefix of a known protocol, are not known. */
    {false, tls, 1, HEADER "036c730a" TLS, MULTISTREAM_DONE, "/tls/1.0.0",
	HEADER NA TLS, 0},
    {false, tls, 1, HEADER "092f746c732f312e300a" TLS, MULTISTREAM_DONE,
	"/tls/1.0.0", HEADER NA TLS, 0},
    {false, tls, 1, HEADER HEADER TLS, MULTISTREAM_DONE, "/tls/1.0.0",
	HEADER NA TLS, 0},
    {false, tls, 1, "", MULTISTREAM_MORE, NULL, "", 0},
    {false, tls, 1, HEADER NA, MULTISTREAM_MORE, NULL, HEADER NA, 0},
    {false, tls, 1, TLS REST, MULTISTREAM_BAD_HEADER, NULL, "", 16},
    /* HTTP, told apart by its first byte; another header by its text. */
    {false, tls, 1, "474554202f20485454502f312e310d0a", MULTISTREAM_BAD_HEADER,
	NULL, "", 15},
    {false, tls, 1, "132f6d756c746973747265616d2f322e302e300a" REST,
	MULTISTREAM_BAD_HEADER, NULL, "", 5},
    /* Bad framing. */
    {false, tls, 1, HEADER "00" REST, MULTISTREAM_BAD_LENGTH, NULL, HEADER, 5},
    {false, tls, 1, HEADER "8b00" REST, MULTISTREAM_BAD_LENGTH, NULL, HEADER,
	5},
    {false, tls, 1, HEADER "8108" REST, MULTISTREAM_BAD_LENGTH, NULL, HEADER,
	5},
    {false, tls, 1, HEADER "8080" REST, MULTISTREAM_BAD_LENGTH, NULL, HEADER,
	5},
    {false, tls, 1, HEADER "ffff" REST, MULTISTREAM_BAD_LENGTH, NULL, HEADER,
	5},
    {false, tls, 1, HEADER "0b2f746c732f312e302e3020" REST,
	MULTISTREAM_BAD_NEWLINE, NULL, HEADER, 5},
    {true, tls, 1, "132f6d756c746973747265616d2f312e302e3000",
	MULTISTREAM_BAD_NEWLINE, NULL, HEADER TLS, 0},
};

static void
check_row(const struct row *row, size_t piece, unsigned int seed)
{
	struct bytes in = hex(row->in), sent = hex(row->sent);
	struct multistream ms;
	struct run run;

	if (row->is_dialer)
		multistream_dial(&ms, row->protocols, row->count);
	else
		multistream_listen(&ms, row->protocols, row->count);
	run = feed(&ms, &in, piece, seed);
	assert_int_equal(run.status, row->status);
	assert_int_equal(run.consumed, in.len - row->left);
	assert_int_equal(run.sent.len, sent.len);
	assert_memory_equal(run.sent.at, sent.at, sent.len);
	assert_true(strlen(multistream_status_text(run.status)) > 0);
	if (row->agreed == NULL) {
		assert_null(multistream_protocol(&ms));
		return;
	}
	assert_string_equal(multistream_protocol(&ms), row->agreed);
	assert_ptr_equal(
	    row->protocols[multistream_index(&ms)], multistream_protocol(&ms));
}

static void
whole(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&rows[i], sizeof(((struct bytes *)0)->at), 0);
}

static void
a_byte_at_a_time(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&rows[i], 1, 0);
}

static void
split_at_random(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned int seed = 0; seed < 200; seed++)
			check_row(&rows[i], 0, seed);
	}
}

static void
stays_ended(void **state)
{
	struct bytes in = hex(HEADER TLS REST);
	struct multistream ms;
	size_t consumed = 9;

	multistream_listen(&ms, tls, 1);
	(void)feed(&ms, &in, in.len, 0);
	assert_int_equal(
	    multistream_input(&ms, in.at, in.len, &consumed), MULTISTREAM_DONE);
	assert_int_equal(consumed, 0);
}

/* A message of 1024 bytes is read, refused, and forgotten. */
static void
reads_the_longest_message(void **state)
{
	struct bytes in = hex(HEADER), sent = hex(HEADER NA);
	struct multistream ms;
	struct run run;
	uint8_t text[MULTISTREAM_MESSAGE_MAX];
	static const uint8_t length[2] = {0x80, 0x08};
	size_t consumed;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	for (size_t piece = 1; piece < 300; piece += 37) {
		multistream_listen(&ms, tls, 1);
		run = feed(&ms, &in, piece, 0);
		assert_int_equal(multistream_input(&ms, length, 2, &consumed),
		    MULTISTREAM_MORE);
		for (size_t at = 0; at < sizeof(text); at += consumed) {
			size_t len = sizeof(text) - at < piece
					 ? sizeof(text) - at
					 : piece;

			assert_int_equal(
			    multistream_input(&ms, text + at, len, &consumed),
			    MULTISTREAM_MORE);
			assert_int_equal(consumed, len);
		}
		flush(&ms, &run);
		assert_int_equal(run.sent.len, sent.len);
		assert_memory_equal(run.sent.at, sent.at, sent.len);
	}
}

/* Nobody may propose for ever, and what waits to be sent stays bounded. */
static void
proposals_are_capped(void **state)
{
	struct bytes header = hex(HEADER), ping = hex(PING);
	struct multistream ms;
	size_t consumed, len;

	multistream_listen(&ms, tls, 1);
	assert_int_equal(
	    multistream_input(&ms, header.at, header.len, &consumed),
	    MULTISTREAM_MORE);
	for (int i = 0; i < MULTISTREAM_PROPOSALS_MAX; i++)
		assert_int_equal(
		    multistream_input(&ms, ping.at, ping.len, &consumed),
		    MULTISTREAM_MORE);
	(void)multistream_output(&ms, &len);
	assert_int_equal(len, 20 + 4 * MULTISTREAM_PROPOSALS_MAX);
	assert_int_equal(multistream_input(&ms, ping.at, ping.len, &consumed),
	    MULTISTREAM_TOO_MANY);
}

/* The last proposal allowed, of the longest protocol, after no read at all. */
static void
longest_output_fits(void **state)
{
	static char name[MULTISTREAM_PROTOCOL_MAX + 1];
	const char *protocols[] = {name};
	struct bytes header = hex(HEADER), ping = hex(PING);
	struct multistream ms;
	uint8_t proposal[MULTISTREAM_PROTOCOL_MAX + 2];
	size_t consumed, len;

	memset(name, 'p', MULTISTREAM_PROTOCOL_MAX);
	proposal[0] = MULTISTREAM_PROTOCOL_MAX + 1;
	memset(proposal + 1, 'p', MULTISTREAM_PROTOCOL_MAX);
	proposal[sizeof(proposal) - 1] = '\n';
	multistream_listen(&ms, protocols, 1);
	(void)multistream_input(&ms, header.at, header.len, &consumed);
	for (int i = 0; i < MULTISTREAM_PROPOSALS_MAX - 1; i++)
		(void)multistream_input(&ms, ping.at, ping.len, &consumed);
	assert_int_equal(
	    multistream_input(&ms, proposal, sizeof(proposal), &consumed),
	    MULTISTREAM_DONE);
	(void)multistream_output(&ms, &len);
	assert_int_equal(
	    len, 20 + 4 * (MULTISTREAM_PROPOSALS_MAX - 1) + sizeof(proposal));
}

/* go-libp2p's listener sends its header before it has read ours. */
static void
header_may_come_before_ours_is_sent(void **state)
{
	struct bytes header = hex(HEADER), answer = hex(TLS);
	struct multistream ms;
	size_t consumed, len;

	multistream_dial(&ms, tls, 1);
	assert_int_equal(
	    multistream_input(&ms, header.at, header.len, &consumed),
	    MULTISTREAM_MORE);
	(void)multistream_output(&ms, &len);
	assert_int_equal(len, 32);
	multistream_sent(&ms, 10);
	(void)multistream_output(&ms, &len);
	assert_int_equal(len, 22);
	multistream_sent(&ms, 22);
	assert_int_equal(
	    multistream_input(&ms, answer.at, answer.len, &consumed),
	    MULTISTREAM_DONE);
}

/* A refusal of what was not sent would mix up the proposals. */
static void
refusal_before_the_proposal_is_an_error(void **state)
{
	struct bytes in = hex(HEADER NA);
	struct multistream ms;
	size_t consumed;

	multistream_dial(&ms, ping_tls, 2);
	multistream_sent(&ms, 20);
	assert_int_equal(multistream_input(&ms, in.at, in.len, &consumed),
	    MULTISTREAM_BAD_ANSWER);
}

static void
both_sides_agree(void **state)
{
	struct multistream dialer, listener;
	const uint8_t *out;
	size_t len, consumed;

	multistream_dial(&dialer, ping_tls, 2);
	multistream_listen(&listener, tls, 1);
	for (int i = 0; i < 4; i++) {
		out = multistream_output(&dialer, &len);
		(void)multistream_input(&listener, out, len, &consumed);
		assert_int_equal(consumed, len);
		multistream_sent(&dialer, len);
		out = multistream_output(&listener, &len);
		(void)multistream_input(&dialer, out, len, &consumed);
		assert_int_equal(consumed, len);
		multistream_sent(&listener, len);
	}
	assert_string_equal(multistream_protocol(&dialer), "/tls/1.0.0");
	assert_string_equal(multistream_protocol(&listener), "/tls/1.0.0");
	assert_int_equal(multistream_index(&dialer), 1);
	assert_int_equal(multistream_index(&listener), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole),
	    cmocka_unit_test(a_byte_at_a_time),
	    cmocka_unit_test(split_at_random),
	    cmocka_unit_test(stays_ended),
	    cmocka_unit_test(reads_the_longest_message),
	    cmocka_unit_test(proposals_are_capped),
	    cmocka_unit_test(longest_output_fits),
	    cmocka_unit_test(header_may_come_before_ours_is_sent),
	    cmocka_unit_test(refusal_before_the_proposal_is_an_error),
	    cmocka_unit_test(both_sides_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
