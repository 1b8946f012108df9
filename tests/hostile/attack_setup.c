/* SPDX-License-Identifier: ISC */
/* Attacks on the negotiation, before there is a session. */
#include "tests/hostile/attack.h"

#include <string.h>

static void
slow_of(struct attacker *a, const char *text)
{
	for (; *text != '\0' && !attacker_is_over(a); text++) {
		attacker_put(a, text, 1, true);
		for (int i = 0; i < 10 && !attacker_is_over(a); i++) {
			attacker_pause_ms(100);
			attacker_drain(a);
		}
	}
}

static void
proposals_of(struct attacker *a, bool reads)
{
	attacker_put_text(a, HEADER);
	for (int i = 0; i < FLOOD && !attacker_is_over(a); i++)
		attacker_put(a, "\x08/nothin\n", 9, reads);
}

static void
plain_garbage(struct attacker *a)
{
	attacker_put_garbage(a);
}
static void
plain_http(struct attacker *a)
{
	attacker_put_text(a, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
}
static void
plain_slow(struct attacker *a)
{
	slow_of(a, TLS);
}
static void
plain_silent(struct attacker *a)
{
	(void)a;
}
static void
varint_long(struct attacker *a)
{
	attacker_put(
	    a, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, false);
}
static void
varint_large(struct attacker *a)
{
	attacker_put(a, "\xff\x7f", 2, false);
}
static void
varint_not_minimal(struct attacker *a)
{
	attacker_put(a, "\x93\x00/multistream/1.0.0\n", 21, false);
}
static void
varint_zero(struct attacker *a)
{
	attacker_put(a, "\0", 1, false);
}
static void
no_newline(struct attacker *a)
{
	attacker_put_text(a, "\x13/multistream/1.0.0x");
}
static void
proposals(struct attacker *a)
{
	proposals_of(a, true);
}
static void
proposals_unread(struct attacker *a)
{
	proposals_of(a, false);
}

static void
tls_garbage(struct attacker *a)
{
	attacker_to_tls(a);
	attacker_put_garbage(a);
}
static void
tls_slow(struct attacker *a)
{
	attacker_to_tls(a);
	slow_of(a, "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03ssssssss");
}
static void
tls_silent(struct attacker *a)
{
	attacker_to_tls(a);
}
static void
tls_12(struct attacker *a)
{
	attacker_to_tls(a);
	attacker_tls(a, FLAW_TLS12, "\x06libp2p");
}
static void
tls_alpn(struct attacker *a)
{
	attacker_to_tls(a);
	attacker_tls(a, FLAW_NONE, "\x08http/1.1");
}
#define CERT(name, flaw)                                   \
	static void name(struct attacker *a)               \
	{                                                  \
		attacker_to_tls(a);                        \
		attacker_tls(a, flaw, "\x0c/yamux/1.0.0"); \
	}
CERT(cert_none, FLAW_ABSENT)
CERT(cert_two, FLAW_TWO)
CERT(cert_explicit, FLAW_EXPLICIT)
CERT(cert_explicit_chain, FLAW_EXPLICIT_CHAIN)
CERT(cert_rsa, FLAW_RSA)
CERT(cert_expired, FLAW_EXPIRED)
CERT(cert_binding, FLAW_BINDING)
CERT(cert_critical, FLAW_CRITICAL)
CERT(cert_no_extension, FLAW_NO_EXTENSION)
CERT(cert_self_signature, FLAW_SELF_SIGNATURE)

static void
muxer_garbage(struct attacker *a)
{
	attacker_to_muxer(a);
	attacker_put_garbage(a);
}
static void
muxer_slow(struct attacker *a)
{
	attacker_to_muxer(a);
	slow_of(a, YAMUX);
}
static void
muxer_proposals(struct attacker *a)
{
	attacker_to_muxer(a);
	proposals_of(a, true);
}

/* clang-format off */
const struct attack attack_setup[] = {
	ATTACK(plain_garbage), ATTACK(plain_http), ATTACK(plain_slow),
	ATTACK(plain_silent), ATTACK(varint_long), ATTACK(varint_large),
	ATTACK(varint_not_minimal), ATTACK(varint_zero), ATTACK(no_newline),
	ATTACK(proposals), ATTACK(proposals_unread), ATTACK(tls_garbage),
	ATTACK(tls_slow), ATTACK(tls_silent), ATTACK(tls_12), ATTACK(tls_alpn),
	ATTACK(cert_none), ATTACK(cert_two), ATTACK(cert_explicit),
	ATTACK(cert_explicit_chain), ATTACK(cert_rsa), ATTACK(cert_expired),
	ATTACK(cert_binding), ATTACK(cert_critical), ATTACK(cert_no_extension),
	ATTACK(cert_self_signature), ATTACK(muxer_garbage), ATTACK(muxer_slow),
	ATTACK(muxer_proposals), {NULL, NULL},
};
/* clang-format on */
