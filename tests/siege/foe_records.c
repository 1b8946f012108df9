/* SPDX-License-Identifier: ISC */
/* Attacks with signed records: whose they are, and where they lead. */
#include <arpa/inet.h>
#include <err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/peer_record.h"
#include "dm-net/sync/sync.h"
#include "tests/siege/foe_peer.h"

#define RECORD_MAX 512
#define TURN_NS 20000000u

struct record {
	uint8_t bytes[RECORD_MAX];
	size_t len;
};

/* The record of somebody new who says that he is there. */
static void
record_make(struct record *out, struct in_addr at, uint16_t port)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t public_key[32], text[PEER_RECORD_SIGNED_MAX], signature[64];
	uint8_t payload[PEER_RECORD_PAYLOAD_MAX];
	size_t key_len = sizeof(public_key), signature_len = 64, len;
	struct multiaddr addr = {.host = MULTIADDR_IP4, .port = port};
	struct envelope_bytes body = {payload, 0};
	struct multiaddr_raw raw;
	struct peer_id id;

	memcpy(addr.ip, &at, 4);
	multiaddr_build(&raw, &addr);
	EVP_PKEY_get_raw_public_key(key, public_key, &key_len);
	peer_id_from_key(&id, public_key);
	body.len = peer_record_payload(
	    payload, sizeof(payload), &id, cloop_now_ns(), &raw, 1);
	len = peer_record_signed(text, sizeof(text), body);
	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(ctx, signature, &signature_len, text, len) != 1)
		errx(2, "signing failed");
	out->len = peer_record_seal(
	    out->bytes, sizeof(out->bytes), &id, body, signature);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static void
say_records(struct foe_peer *p, const struct record *records, size_t count)
{
	static uint8_t buf[SYNC_MESSAGE_MAX];
	struct msgput m;

	for (size_t at = 0; at < count; at += WIRE_RECORDS_MAX) {
		size_t n = count - at < WIRE_RECORDS_MAX ? count - at
							 : WIRE_RECORDS_MAX;

		wire_begin(&m, buf, sizeof(buf));
		wire_put_records(&m, n);
		for (size_t i = 0; i < n; i++)
			msgput_bin(
			    &m, records[at + i].bytes, records[at + i].len);
		msgput_bool(&m, false);
		foe_peer_say(p, buf, wire_end(&m));
	}
}

/* --- the same records, again and again -------------------------------- */

#define RECORDS 128

static void
records(struct foe *foe)
{
	static struct record made[RECORDS];
	struct in_addr at = {.s_addr = htonl(0x0a000001)};
	struct foe_peer p;

	for (size_t i = 0; i < RECORDS; i++)
		record_make(&made[i], at, 1);
	while (!foe_is_over(foe)) {
		foe_peer_begin(&p, foe);
		if (foe_peer_connect(&p, 0)) {
			say_records(&p, made, RECORDS);
			foe->tally->done += RECORDS;
			foe_peer_flush(&p);
			/* until it has read them */
			foe_peer_run(&p, cloop_now_ns() + 30000000u);
		}
		foe_peer_end(&p);
	}
}

/* --- records that lead elsewhere -------------------------------------- */

#define TOLD 64

/* Tells of new ones, each at this address and port: or with "any" at another
 * address of that /16. The node takes so many from one teller. */
static void
tell(struct foe *foe)
{
	static struct record made[TOLD];
	bool is_any = strcmp(foe_word(foe, 2), "any") == 0;
	uint16_t port = (uint16_t)atoi(foe_word(foe, 1));
	struct in_addr at;
	struct foe_peer p;

	for (size_t i = 0; i < TOLD; i++) {
		if (inet_pton(AF_INET, foe_word(foe, 0), &at) != 1)
			errx(2, "%s: not an address", foe_word(foe, 0));
		if (is_any)
			RAND_bytes((uint8_t *)&at + 2, 2);
		record_make(&made[i], at, port);
	}
	foe_peer_begin(&p, foe);
	if (foe_peer_connect(&p, 0)) {
		say_records(&p, made, TOLD);
		foe->tally->done += TOLD;
		foe_peer_stay(&p);
	}
	foe_peer_end(&p);
}

/* --- many that are one host ------------------------------------------- */

static struct link *
established(const struct cloop *loop)
{
	struct link *link = loop->links;

	while (link != NULL && (!link->is_established || link->is_closed))
		link = link->next;
	return link;
}

/* One who dialled is told hello, and kept. */
static void
be_there(struct foe_peer *p)
{
	struct link *link;

	while (!foe_is_over(p->foe)) {
		link = established(&p->loop);
		if (link != NULL) {
			p->foe->tally->done++;
			foe_peer_welcome(p, link, 0);
			foe_peer_stay(p);
		}
		cloop_wait_until(&p->loop, cloop_now_ns() + TURN_NS);
	}
}

/* Tells of itself at a private address, and at its own one; and is there for
 * those who dial it. */
static void
mirror(struct foe *foe)
{
	struct multiaddr at[2] = {
	    {.host = MULTIADDR_IP4, .port = 9, .ip = {10, 255, 254, 1}},
	    {.host = MULTIADDR_IP4}};
	struct record own;
	struct foe_peer p;

	foe_peer_begin(&p, foe);
	memcpy(at[1].ip, &foe->source, 4);
	at[1].port = cloop_listen(&p.loop);
	own.len =
	    cloop_advertise_all(&p.loop, at, 2, own.bytes, sizeof(own.bytes));
	if (foe_peer_connect(&p, 0)) {
		say_records(&p, &own, 1);
		foe_peer_flush(&p);
		foe_peer_run(&p, cloop_now_ns() + 10 * TURN_NS);
		foe_peer_hang_up(&p);
		be_there(&p);
	}
	foe_peer_end(&p);
}

const struct foe_attack foe_records[] = {
    {"records", records, ""},
    {"tell", tell, "ADDRESS PORT any|this"},
    {"mirror", mirror, ""},
    {NULL, NULL, NULL},
};
