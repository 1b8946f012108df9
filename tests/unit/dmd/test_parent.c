/* SPDX-License-Identifier: ISC */
/* What is pure in dmd: backoff, endpoints, addresses, signatures, paths. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/keys/key_check.h"
#include "common/keys/keys.h"
#include "common/log.h"
#include "dm-net/libp2p/peer_record_open.h"
#include "dmd/advertise.h"
#include "dmd/backoff.h"
#include "dmd/config_send.h"
#include "dmd/endpoint.h"
#include "dmd/identity.h"
#include "dmd/lookup_threads.h"
#include "dmd/directories.h"
#include "dmd/own_record.h"
#include "dmd/spawn.h"

#define S UINT64_C(1000000000)

/* --- backoff ---------------------------------------------------------- */

static void
first_end_restarts_at_once(void **state)
{
	struct backoff b = {0};

	assert_int_equal(backoff_next_ns(&b, 5 * S, 0), 0);
	assert_int_equal(backoff_next_ns(&b, 6 * S, 0), 1 * S);
	assert_int_equal(backoff_next_ns(&b, 8 * S, 0), 2 * S);
	assert_int_equal(backoff_next_ns(&b, 11 * S, 0), 4 * S);
}

static void
backoff_has_a_ceiling(void **state)
{
	struct backoff b = {0};
	uint64_t now = S, delay = 0;

	for (int i = 0; i < 1000; i++) {
		delay = backoff_next_ns(&b, now, 0);
		assert_true(delay <= BACKOFF_MOST_NS);
		now += delay + 1;
	}
	assert_int_equal(delay, BACKOFF_MOST_NS);
}

static void
a_calm_minute_forgives(void **state)
{
	struct backoff b = {0};

	backoff_next_ns(&b, 5 * S, 0);
	assert_int_equal(backoff_next_ns(&b, 64 * S, 0), 1 * S);
	assert_int_equal(backoff_next_ns(&b, 126 * S, 0), 0);
}

/* Killed from outside every ten seconds, it never stays away for longer. */
static void
who_worked_well_does_not_wait(void **state)
{
	struct backoff b = {0};

	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(backoff_next_ns(&b, i * 10 * S, 10 * S), 0);
	/* without work it is as before */
	assert_int_equal(backoff_next_ns(&b, 191 * S, S), 1 * S);
}

/* --- a table of interfaces, made as the kernel would ------------------ */

struct dump {
	uint8_t buf[8192];
	size_t len;
};

static void *
dump_room(struct dump *d, size_t len)
{
	void *p = d->buf + d->len;

	assert_true(d->len + len < sizeof(d->buf));
	memset(p, 0, (len + 3) & ~(size_t)3);
	d->len += (len + 3) & ~(size_t)3;
	return p;
}

static size_t
message_begin(struct dump *d, uint16_t type, const void *body, size_t len)
{
	size_t at = d->len;
	struct nlmsghdr *h = dump_room(d, sizeof(*h));

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_MULTI;
	memcpy(dump_room(d, len), body, len);
	return at;
}

static void
attr_add(struct dump *d, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = dump_room(d, sizeof(*a) + len);

	a->rta_type = type;
	a->rta_len = (uint16_t)(sizeof(*a) + len);
	if (len > 0)
		memcpy((uint8_t *)a + sizeof(*a), data, len);
}

static void
message_end(struct dump *d, size_t at)
{
	uint32_t len = (uint32_t)(d->len - at);

	memcpy(d->buf + at, &len, sizeof(len));
}

static void
link_add_kind(struct dump *d, int index, const char *name, const char *alias,
    const char *kind)
{
	struct ifinfomsg info = {.ifi_index = index,
	    .ifi_flags = strcmp(name, "lo") == 0 ? IFF_LOOPBACK : 0};
	size_t at = message_begin(d, RTM_NEWLINK, &info, sizeof(info)), list;
	uint16_t len;

	attr_add(d, IFLA_IFNAME, name, strlen(name) + 1);
	if (alias != NULL) {
		list = d->len;
		attr_add(d, IFLA_PROP_LIST | NLA_F_NESTED, NULL, 0);
		attr_add(d, IFLA_ALT_IFNAME, alias, strlen(alias) + 1);
		len = (uint16_t)(d->len - list);
		memcpy(d->buf + list, &len, sizeof(len));
	}
	if (kind != NULL) {
		list = d->len;
		attr_add(d, IFLA_LINKINFO, NULL, 0);
		attr_add(d, IFLA_INFO_KIND, kind, strlen(kind));
		len = (uint16_t)(d->len - list);
		memcpy(d->buf + list, &len, sizeof(len));
	}
	message_end(d, at);
}

static void
link_add(struct dump *d, int index, const char *name, const char *alias)
{
	link_add_kind(d, index, name, alias, NULL);
}

/* The answer to where the rest of the world is. */
static void
route_add(struct dump *d, int index, const char *source)
{
	size_t at, len = strchr(source, ':') != NULL ? 16 : 4;
	struct rtmsg msg = {.rtm_type = RTN_UNICAST,
	    .rtm_family = len == 4 ? AF_INET : AF_INET6};
	uint8_t bytes[16];

	assert_int_equal(inet_pton(msg.rtm_family, source, bytes), 1);
	at = message_begin(d, RTM_NEWROUTE, &msg, sizeof(msg));
	attr_add(d, RTA_OIF, &index, sizeof(index));
	attr_add(d, RTA_PREFSRC, bytes, len);
	message_end(d, at);
}

static void
address_add(
    struct dump *d, int index, const char *text, uint8_t prefix, uint32_t flags)
{
	struct ifaddrmsg msg = {
	    .ifa_prefixlen = prefix, .ifa_index = (uint32_t)index};
	uint8_t bytes[16];
	size_t at, len = strchr(text, ':') != NULL ? 16 : 4;

	msg.ifa_family = len == 4 ? AF_INET : AF_INET6;
	assert_int_equal(inet_pton(msg.ifa_family, text, bytes), 1);
	at = message_begin(d, RTM_NEWADDR, &msg, sizeof(msg));
	attr_add(d, len == 4 ? IFA_LOCAL : IFA_ADDRESS, bytes, len);
	attr_add(d, IFA_FLAGS, &flags, sizeof(flags));
	message_end(d, at);
}

static void
done_add(struct dump *d)
{
	int zero = 0;
	size_t at = message_begin(d, NLMSG_DONE, &zero, sizeof(zero));

	message_end(d, at);
}

/* lo, eth0 (alias "uplink") with an address of each kind, tun7. */
static struct interfaces *
table_make(void)
{
	struct interfaces *t = interfaces_new();
	struct dump d = {.len = 0};

	link_add(&d, 1, "lo", NULL);
	link_add(&d, 2, "eth0", "uplink");
	link_add(&d, 9, "tun7", NULL);
	address_add(&d, 1, "127.0.0.1", 8, 0);
	address_add(&d, 1, "::1", 128, 0);
	address_add(&d, 2, "192.0.2.5", 24, 0);
	address_add(&d, 2, "2001:db8::5", 64, 0);
	address_add(&d, 2, "2001:db8::aaaa", 64, IFA_F_TEMPORARY);
	address_add(&d, 2, "2001:db8::bbbb", 64, IFA_F_TENTATIVE);
	address_add(&d, 2, "fe80::5", 64, 0);
	address_add(&d, 9, "10.0.0.9", 32, 0);
	done_add(&d);
	assert_int_equal(interfaces_read(t, d.buf, d.len), INTERFACES_DONE);
	return t;
}

static bool
owns(const struct interfaces *t, const char *text)
{
	uint8_t bytes[16];
	size_t len = strchr(text, ':') != NULL ? 16 : 4;

	assert_int_equal(
	    inet_pton(len == 4 ? AF_INET : AF_INET6, text, bytes), 1);
	return interfaces_is_own(t, bytes, len);
}

static void
interfaces_are_found_by_all_names(void **state)
{
	struct interfaces *t = table_make();

	assert_int_equal(interfaces_index(t, "eth0"), 2);
	assert_int_equal(interfaces_index(t, "uplink"), 2);
	assert_int_equal(interfaces_index(t, "eth"), 0);
	assert_string_equal(interfaces_name(t, 2), "eth0");
	assert_string_equal(interfaces_name(t, 3), "");
	interfaces_free(t);
}

static void
own_addresses(void **state)
{
	struct interfaces *t = table_make();

	assert_true(owns(t, "192.0.2.5"));
	assert_true(owns(t, "127.9.9.9"));
	assert_false(owns(t, "128.0.0.1"));
	assert_false(owns(t, "192.0.2.6"));
	assert_true(owns(t, "2001:db8::5"));
	assert_false(owns(t, "2001:db8::bbbb"));
	interfaces_free(t);
}

/* Each cut of a dump is refused or is a whole number of messages. */
static void
cut_dumps_are_not_overrun(void **state)
{
	struct dump d = {.len = 0};
	struct interfaces *t;
	uint8_t *exact;

	link_add(&d, 2, "eth0", "uplink");
	address_add(&d, 2, "192.0.2.5", 24, 0);
	for (size_t n = 1; n < d.len; n++) {
		exact = malloc(n);
		memcpy(exact, d.buf, n);
		t = interfaces_new();
		assert_int_not_equal(
		    interfaces_read(t, exact, n), INTERFACES_DONE);
		interfaces_free(t);
		free(exact);
	}
}

static void
lying_lengths_are_refused(void **state)
{
	static const uint8_t tiny[16] = {8}, huge[16] = {255, 255, 255, 255};
	struct interfaces *t = interfaces_new();

	assert_int_equal(interfaces_read(t, tiny, 16), INTERFACES_FAILED);
	assert_int_equal(interfaces_read(t, huge, 16), INTERFACES_FAILED);
	interfaces_free(t);
}

/* --- what to listen on ------------------------------------------------ */

static struct config *
config_make(const char *text)
{
	struct config_errors errors;
	struct config_checks none = {NULL, NULL, NULL, NULL};
	struct config *c = NULL;

	if (config_parse("t", text, strlen(text), &none, &c, &errors) == -1)
		fail_msg("%s", errors.text[0]);
	config_errors_clear(&errors);
	return c;
}

/* All endpoints as one text, in order. */
static const char *
listens(const char *toml, const struct interfaces *t, char *out, size_t size)
{
	struct endpoint e[ENDPOINTS_MAX];
	char text[ENDPOINT_TEXT_MAX];
	struct config *c = config_make(toml);
	size_t n = endpoints_wanted(c, t, e), at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s",
		    i > 0 ? ", " : "", endpoint_text(&e[i], text));
	config_free(c);
	return out;
}

static void
endpoints_of_configurations(void **state)
{
	static const struct {
		const char *toml;
		const char *want;
	} rows[] = {
	    {"", "libp2p 0.0.0.0:7946, libp2p [::]:7946, "
		 "http 127.0.0.1:7331, http [::1]:7331"},
	    {"[cluster]\ninterface = \"tun7\"\n",
		"libp2p 10.0.0.9%tun7:7946, libp2p 10.0.0.9%lo:7946, "
		"http 127.0.0.1:7331, http [::1]:7331"},
	    {"[cluster]\ninterface = \"none0\"\n[http]\n"
	     "interface = \"uplink\"\n",
		"http 127.0.0.1:7331, http [::1]:7331, "
		"http 192.0.2.5%eth0:7331, http 192.0.2.5%lo:7331, "
		"http [2001:db8::5%eth0]:7331, "
		"http [2001:db8::aaaa%eth0]:7331, http [fe80::5%eth0]:7331"},
	    /* an address is bound as it is, and covers its interface's */
	    {"[cluster]\ninterfaces = [\"tun7\", \"10.0.0.9\"]\n",
		"libp2p 10.0.0.9:7946, http 127.0.0.1:7331, "
		"http [::1]:7331"},
	    /* a wildcard covers loopback, or the kernel would refuse it */
	    {"[cluster]\ninterface = \"127.0.0.3\"\n[http]\n"
	     "interfaces = [\"0.0.0.0\", \"eth0\"]\n",
		"libp2p 127.0.0.3:7946, http [::1]:7331, http 0.0.0.0:7331, "
		"http [2001:db8::5%eth0]:7331, "
		"http [2001:db8::aaaa%eth0]:7331, http [fe80::5%eth0]:7331"},
	    {"[cluster]\ninterfaces = [\"fe80::5%eth0\", \"fe80::5%lo\", "
	     "\"203.0.113.1\", \"2001:db8::bbbb\"]\n",
		"libp2p [fe80::5%2]:7946, http 127.0.0.1:7331, "
		"http [::1]:7331"},
	    /* in brackets as in a URL */
	    {"[cluster]\ninterfaces = [\"[fe80::5%eth0]\", \"[2001:db8::5]\", "
	     "\"[192.0.2.5]\", \"[\"]\n[http]\ninterface = \"[::]\"\n",
		"libp2p [fe80::5%2]:7946, libp2p [2001:db8::5]:7946, "
		"http 127.0.0.1:7331, http [::]:7331"},
	};
	struct interfaces *t = table_make();
	char out[4096];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
		    listens(rows[i].toml, t, out, sizeof(out)), rows[i].want);
	interfaces_free(t);
}

static void
items_that_are_not_there(void **state)
{
	struct interfaces *t = table_make();

	assert_true(endpoint_item_is_there(t, "eth0"));
	assert_true(endpoint_item_is_there(t, "uplink"));
	assert_true(endpoint_item_is_there(t, "::"));
	assert_true(endpoint_item_is_there(t, "127.0.0.77"));
	assert_true(endpoint_item_is_there(t, "fe80::5%eth0"));
	assert_false(endpoint_item_is_there(t, "fe80::5%tun7"));
	assert_false(endpoint_item_is_there(t, "eth1"));
	assert_false(endpoint_item_is_there(t, "192.0.2.6"));
	interfaces_free(t);
}

static void
no_ipv6_no_loopback_of_it(void **state)
{
	struct interfaces *t = interfaces_new();
	char out[4096];

	assert_string_equal(listens("", t, out, sizeof(out)),
	    "libp2p 0.0.0.0:7946, libp2p [::]:7946, http 127.0.0.1:7331");
	interfaces_free(t);
}

/* --- what peers are told ---------------------------------------------- */

static const char *
advertises(const char *toml, const struct interfaces *t, char *out, size_t size)
{
	struct multiaddr_raw raw[PEER_RECORD_ADDRS_MAX];
	struct endpoint e[ENDPOINTS_MAX];
	char text[MULTIADDR_TEXT_SIZE];
	struct config *c = config_make(toml);
	size_t n, at = 0, left_out;

	n = endpoints_wanted(c, t, e);
	n = advertise_addresses(c, t, e, n, raw, &left_out);
	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		multiaddr_to_text(&raw[i], text);
		at += (size_t)snprintf(out + at, size - at, "%s ", text);
	}
	if (left_out > 0)
		snprintf(out + at, size - at, "and %zu", left_out);
	config_free(c);
	return out;
}

static void
advertised_addresses(void **state)
{
	struct interfaces *t = table_make(), *bare = interfaces_new();
	struct dump d = {.len = 0};
	char out[4096];

	/* not loopback, link-local or temporary ones */
	assert_string_equal(advertises("", t, out, sizeof(out)),
	    "/ip4/192.0.2.5/tcp/7946 /ip6/2001:db8::5/tcp/7946 "
	    "/ip4/10.0.0.9/tcp/7946 ");
	assert_string_equal(
	    advertises("[cluster]\nport = 1\ninterface = \"tun7\"\n"
		       "advertise = [\"/dns/a.test/tcp/5\"]\n",
		t, out, sizeof(out)),
	    "/dns/a.test/tcp/5 /ip4/10.0.0.9/tcp/1 ");
	assert_string_equal(advertises("[cluster]\ninterface = "
				       "\"127.0.0.1\"\n",
				t, out, sizeof(out)),
	    "/ip4/127.0.0.1/tcp/7946 ");
	link_add(&d, 1, "lo", NULL);
	address_add(&d, 1, "127.0.0.1", 8, 0);
	interfaces_read(bare, d.buf, d.len);
	assert_string_equal(
	    advertises("", bare, out, sizeof(out)), "/ip4/127.0.0.1/tcp/7946 ");
	/* whoever reaches it by a link-local address has a loopback too */
	link_add(&d, 2, "eth0", NULL);
	address_add(&d, 2, "fe80::5", 64, 0);
	interfaces_free(bare);
	bare = interfaces_new();
	interfaces_read(bare, d.buf, d.len);
	assert_string_equal(advertises("", bare, out, sizeof(out)), "");
	interfaces_free(bare);
	interfaces_free(t);
}

/* A host of containers: the address that counts is the last one it has. */
static void
bridges_come_last(void **state)
{
	struct interfaces *t = interfaces_new();
	struct dump d = {.len = 0};
	char out[4096], text[32];

	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "br-%d", i);
		link_add_kind(&d, 10 + i, text, "an-alias", "bridge");
		snprintf(text, sizeof(text), "172.%d.0.1", 17 + i);
		address_add(&d, 10 + i, text, 16, 0);
	}
	link_add_kind(&d, 20, "veth1234", NULL, "veth");
	address_add(&d, 20, "203.0.113.1", 24, 0);
	link_add_kind(&d, 30, "wg0", NULL, "wireguard");
	address_add(&d, 30, "10.9.0.1", 24, 0);
	address_add(&d, 30, "169.254.0.1", 16, 0);
	link_add_kind(&d, 40, "eth0", NULL, "veth");
	address_add(&d, 40, "192.168.1.4", 24, 0);
	address_add(&d, 40, "192.168.1.5", 24, 0);
	link_add_kind(&d, 50, "eth1", NULL, NULL);
	address_add(&d, 50, "198.51.100.7", 24, 0);
	route_add(&d, 40, "192.168.1.5");
	interfaces_read(t, d.buf, d.len);
	assert_string_equal(advertises("", t, out, sizeof(out)),
	    "/ip4/192.168.1.5/tcp/7946 /ip4/198.51.100.7/tcp/7946 "
	    "/ip4/192.168.1.4/tcp/7946 /ip4/10.9.0.1/tcp/7946 "
	    "/ip4/169.254.0.1/tcp/7946 /ip4/203.0.113.1/tcp/7946 "
	    "/ip4/172.17.0.1/tcp/7946 /ip4/172.18.0.1/tcp/7946 "
	    "/ip4/172.19.0.1/tcp/7946 ");
	interfaces_free(t);
}

/* The machine's own way out may be a bridge. */
static void
a_bridge_that_is_the_way_out_comes_first(void **state)
{
	struct interfaces *t = interfaces_new();
	struct dump d = {.len = 0};
	char out[4096];

	link_add_kind(&d, 2, "eth1", NULL, NULL);
	address_add(&d, 2, "198.51.100.7", 24, 0);
	link_add_kind(&d, 3, "vmbr0", NULL, "bridge");
	address_add(&d, 3, "10.0.0.5", 24, 0);
	route_add(&d, 3, "10.0.0.5");
	interfaces_read(t, d.buf, d.len);
	assert_string_equal(advertises("", t, out, sizeof(out)),
	    "/ip4/10.0.0.5/tcp/7946 /ip4/198.51.100.7/tcp/7946 ");
	interfaces_free(t);
}

static void
what_is_too_much_is_left_out_from_the_end(void **state)
{
	struct interfaces *t = interfaces_new();
	struct dump d = {.len = 0};
	char out[4096], text[32];

	link_add_kind(&d, 2, "docker0", NULL, "bridge");
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "fd00::%d", i + 1);
		address_add(&d, 2, text, 64, 0);
	}
	link_add_kind(&d, 3, "eth0", NULL, NULL);
	address_add(&d, 3, "192.168.1.5", 24, 0);
	interfaces_read(t, d.buf, d.len);
	advertises("", t, out, sizeof(out));
	assert_ptr_equal(strstr(out, "/ip4/192.168.1.5/tcp/7946 "), out);
	assert_non_null(strstr(out, "/ip6/fd00::31/tcp/7946 and 9"));
	interfaces_free(t);
}

/* --- the two signatures ----------------------------------------------- */

static char *
scratch(const char *name)
{
	static char dir[] = "/tmp/dmd-unit-XXXXXX";
	static bool is_made;
	char *path;

	if (!is_made && mkdtemp(dir) == NULL)
		fail_msg("mkdtemp");
	is_made = true;
	if (asprintf(&path, "%s/%s", dir, name) == -1)
		fail_msg("asprintf");
	return path;
}

static void
identity_signs_only_p256_keys(void **state)
{
	static const uint8_t head[27] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07,
	    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
	    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
	char *path = scratch("identity.key");
	uint8_t spki[92] = {0}, text[21 + 91], signature[64];
	struct identity *id;
	int code = 0;

	id = identity_open(path, &code);
	assert_non_null(id);
	memcpy(spki, head, sizeof(head));
	spki[90] = 7;
	assert_true(identity_sign_tls(id, spki, 91, signature));
	memcpy(text, "libp2p-tls-handshake:", 21);
	memcpy(text + 21, spki, 91);
	assert_true(key_verify(
	    peer_id_key(identity_peer(id)), text, sizeof(text), signature));
	assert_false(identity_sign_tls(id, spki, 90, signature));
	assert_false(identity_sign_tls(id, spki, 92, signature));
	assert_false(identity_sign_tls(id, spki, 0, signature));
	for (size_t i = 0; i < sizeof(head); i++) {
		spki[i] ^= 1;
		assert_false(identity_sign_tls(id, spki, 91, signature));
		spki[i] ^= 1;
	}
	identity_free(id);
	unlink(path);
	free(path);
}

static void
records_verify_rise_and_are_rare(void **state)
{
	char *path = scratch("record.key");
	struct multiaddr_raw addr;
	uint8_t out[PEER_RECORD_ENVELOPE_MAX];
	struct peer_record record;
	struct identity *id;
	uint64_t last = 0;
	size_t len;
	int code = 0;

	assert_int_equal(multiaddr_from_text(&addr, "/ip4/192.0.2.5/tcp/1", 20),
	    MULTIADDR_OK);
	id = identity_open(path, &code);
	assert_non_null(id);
	/* the wall clock stands still, then goes back: seq still rises */
	for (uint64_t i = 1; i <= 3; i++) {
		len = identity_sign_record(id, &addr, 1,
		    &(struct identity_time){1000 - i, i * S, 100}, out);
		assert_true(len > 0);
		assert_int_equal(
		    peer_record_open(&record, out, len), PEER_RECORD_OK);
		assert_true(peer_id_equal(&record.id, identity_peer(id)));
		assert_true(record.seq > last);
		assert_int_equal(record.addr_count, 1);
		assert_true(multiaddr_equal(&record.addrs[0], &addr));
		last = record.seq;
		/* not twice within a second */
		assert_int_equal(
		    identity_sign_record(id, &addr, 1,
			&(struct identity_time){5000, i * S + S - 1, 100}, out),
		    0);
	}
	identity_free(id);
	unlink(path);
	free(path);
}

static uint64_t
sequence_at(struct identity *id, uint64_t unix_s, uint64_t mono_s)
{
	const struct identity_time now = {unix_s * S, mono_s * S, 300 * S};
	uint8_t out[PEER_RECORD_ENVELOPE_MAX];
	struct peer_record record;
	struct multiaddr_raw addr;
	size_t len;

	assert_int_equal(multiaddr_from_text(&addr, "/ip4/192.0.2.5/tcp/1", 20),
	    MULTIADDR_OK);
	len = identity_sign_record(id, &addr, 1, &now, out);
	assert_int_equal(peer_record_open(&record, out, len), PEER_RECORD_OK);
	return record.seq;
}

static void
record_follows_a_clock_that_was_set(void **state)
{
	char *path = scratch("clock.key");
	struct identity *id;
	int code = 0;

	id = identity_open(path, &code);
	assert_non_null(id);
	assert_int_equal(sequence_at(id, 90000, 1), 90000 * S);
	/* peers took it: continue */
	assert_int_equal(sequence_at(id, 89900, 2), 90000 * S + 1);
	/* peers did not take it: what continues it would not be taken either */
	assert_int_equal(sequence_at(id, 1000, 3), 1000 * S);
	identity_free(id);
	unlink(path);
	free(path);
}

static void
record_is_signed_again_when_the_clock_was_set(void **state)
{
	const struct own_record_clock at = {1000 * S, 50 * S};
	struct own_record_clock now = {1060 * S, 110 * S};

	assert_false(own_record_is_stale(&at, &now));
	now.unix_ns = 1060 * S + S / 2; /* slewed */
	assert_false(own_record_is_stale(&at, &now));
	now.unix_ns = 90000 * S;
	assert_true(own_record_is_stale(&at, &now));
	now.unix_ns = 10 * S;
	assert_true(own_record_is_stale(&at, &now));
	now = (struct own_record_clock){
	    1000 * S + RECORD_AGE_NS_MAX, 50 * S + RECORD_AGE_NS_MAX};
	assert_true(own_record_is_stale(&at, &now));
}

static void
identity_is_kept_and_rotated(void **state)
{
	char *path = scratch("kept.key");
	struct identity *a, *b, *c;
	struct peer_id new;
	int code = 0;

	a = identity_open(path, &code);
	b = identity_open(path, &code);
	assert_true(peer_id_equal(identity_peer(a), identity_peer(b)));
	assert_true(identity_rotate(path, &new));
	assert_false(peer_id_equal(identity_peer(a), &new));
	c = identity_open(path, &code);
	assert_true(peer_id_equal(identity_peer(c), &new));
	identity_free(a);
	identity_free(b);
	identity_free(c);
	unlink(path);
	free(path);
}

/* --- the rest --------------------------------------------------------- */

static void
directories_of_paths(void **state)
{
	static const char *const rows[][2] = {
	    {"/run/dmd/control.sock", "/run/dmd"}, {"/a", "/"}, {"/a/b/", "/a"},
	    {"/a//b", "/a"}, {"/", "/"}};
	char *dir;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		dir = directories_dirname(rows[i][0]);
		assert_string_equal(dir, rows[i][1]);
		free(dir);
	}
}

static void
children_lie_beside_a_build_else_in_libexec(void **state)
{
	char *beside = scratch("dm-net"), *own = scratch("dmd"), *dir;
	FILE *f;

	dir = spawn_directory(own);
	assert_string_equal(dir, DMD_LIBEXECDIR);
	free(dir);
	f = fopen(beside, "w");
	assert_non_null(f);
	fchmod(fileno(f), 0755);
	fclose(f);
	dir = spawn_directory(own);
	assert_memory_equal(own, dir, strlen(dir));
	assert_int_equal(own[strlen(dir)], '/');
	free(dir);
	unlink(beside);
	free(beside);
	free(own);
}

static void
host_names(void **state)
{
	char longest[LOOKUP_HOST_MAX + 2];

	memset(longest, 'a', sizeof(longest));
	longest[LOOKUP_HOST_MAX] = '\0';
	assert_true(lookup_threads_host_is_valid(longest));
	longest[LOOKUP_HOST_MAX] = 'a';
	longest[LOOKUP_HOST_MAX + 1] = '\0';
	assert_false(lookup_threads_host_is_valid(longest));
	assert_true(lookup_threads_host_is_valid("alpha.clan"));
	assert_true(lookup_threads_host_is_valid("_sip.a-b.example."));
	assert_false(lookup_threads_host_is_valid(""));
	assert_false(lookup_threads_host_is_valid("-o"));
	assert_false(lookup_threads_host_is_valid("a b"));
	assert_false(lookup_threads_host_is_valid("a\nb"));
	assert_false(lookup_threads_host_is_valid("a/b"));
}

static int
quiet(void **state)
{
	log_init("test");
	log_set_level(LOG_L_FATAL);
	return 0;
}

static int
tidy(void **state)
{
	char *path = scratch("");

	rmdir(path);
	free(path);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_end_restarts_at_once),
	    cmocka_unit_test(backoff_has_a_ceiling),
	    cmocka_unit_test(a_calm_minute_forgives),
	    cmocka_unit_test(who_worked_well_does_not_wait),
	    cmocka_unit_test(interfaces_are_found_by_all_names),
	    cmocka_unit_test(own_addresses),
	    cmocka_unit_test(cut_dumps_are_not_overrun),
	    cmocka_unit_test(lying_lengths_are_refused),
	    cmocka_unit_test(endpoints_of_configurations),
	    cmocka_unit_test(items_that_are_not_there),
	    cmocka_unit_test(no_ipv6_no_loopback_of_it),
	    cmocka_unit_test(advertised_addresses),
	    cmocka_unit_test(bridges_come_last),
	    cmocka_unit_test(a_bridge_that_is_the_way_out_comes_first),
	    cmocka_unit_test(what_is_too_much_is_left_out_from_the_end),
	    cmocka_unit_test(identity_signs_only_p256_keys),
	    cmocka_unit_test(records_verify_rise_and_are_rare),
	    cmocka_unit_test(record_follows_a_clock_that_was_set),
	    cmocka_unit_test(record_is_signed_again_when_the_clock_was_set),
	    cmocka_unit_test(identity_is_kept_and_rotated),
	    cmocka_unit_test(directories_of_paths),
	    cmocka_unit_test(children_lie_beside_a_build_else_in_libexec),
	    cmocka_unit_test(host_names),
	};

	return cmocka_run_group_tests(tests, quiet, tidy);
}
