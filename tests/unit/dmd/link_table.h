/* SPDX-License-Identifier: ISC */
/*
 * A table of interfaces for tests, from dumps as the kernel would send them,
 * and a configuration from its text.
 */
#ifndef TESTS_UNIT_DMD_LINK_TABLE_H
#define TESTS_UNIT_DMD_LINK_TABLE_H

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/config/config.h"
#include "dmd/interfaces.h"

struct dump {
	uint8_t buf[8192];
	size_t len;
};

static inline void *
dump_room(struct dump *d, size_t len)
{
	void *p = d->buf + d->len;

	assert_true(d->len + len < sizeof(d->buf));
	memset(p, 0, (len + 3) & ~(size_t)3);
	d->len += (len + 3) & ~(size_t)3;
	return p;
}

static inline size_t
message_begin(struct dump *d, uint16_t type, const void *body, size_t len)
{
	size_t at = d->len;
	struct nlmsghdr *h = dump_room(d, sizeof(*h));

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_MULTI;
	memcpy(dump_room(d, len), body, len);
	return at;
}

static inline void
attr_add(struct dump *d, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = dump_room(d, sizeof(*a) + len);

	a->rta_type = type;
	a->rta_len = (uint16_t)(sizeof(*a) + len);
	if (len > 0)
		memcpy((uint8_t *)a + sizeof(*a), data, len);
}

static inline void
message_end(struct dump *d, size_t at)
{
	uint32_t len = (uint32_t)(d->len - at);

	memcpy(d->buf + at, &len, sizeof(len));
}

static inline void
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

static inline void
link_add(struct dump *d, int index, const char *name, const char *alias)
{
	link_add_kind(d, index, name, alias, NULL);
}

/* The answer to where the rest of the world is. */
static inline void
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

static inline void
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

static inline void
done_add(struct dump *d)
{
	int zero = 0;
	size_t at = message_begin(d, NLMSG_DONE, &zero, sizeof(zero));

	message_end(d, at);
}

/* lo, eth0 (alias "uplink") with an address of each kind, tun7. */
static inline struct interfaces *
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

static inline struct config *
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

#endif
