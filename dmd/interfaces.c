/* SPDX-License-Identifier: ISC */
#include "dmd/interfaces.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct name {
	int index;
	bool is_loopback;
	bool is_alias;
	bool is_bridge;
	char text[INTERFACES_NAME_SIZE];
};

/* The default route: the interface and the address for packets to other
 * networks. */
struct route {
	int index;
	uint8_t len; /* 0: it goes nowhere */
	uint8_t source[16];
};

struct interfaces {
	struct route routes[2]; /* IPv4, IPv6 */
	struct name *names;
	size_t nnames;
	struct interface_address *addresses;
	size_t naddresses;
};

struct interfaces *
interfaces_new(void)
{
	return xcalloc(1, sizeof(struct interfaces));
}

void
interfaces_free(struct interfaces *t)
{
	if (t == NULL)
		return;
	free(t->names);
	free(t->addresses);
	free(t);
}

/*
 * The rest of a list of attributes (or of messages: both start with a length
 * and are padded to 4). The kernel's macros for this run past the end when the
 * last one is not padded.
 */
struct attrs {
	const uint8_t *at;
	size_t left;
};

struct attr {
	uint16_t type;
	const uint8_t *data;
	size_t len;
};

static size_t
padded(size_t len, size_t left)
{
	len = (len + 3) & ~(size_t)3;
	return len < left ? len : left;
}

static bool
attr_next(struct attrs *list, struct attr *out)
{
	struct rtattr head;

	if (list->left < sizeof(head))
		return false;
	memcpy(&head, list->at, sizeof(head));
	if (head.rta_len < sizeof(head) || head.rta_len > list->left)
		return false;
	out->type = (uint16_t)(head.rta_type & (uint16_t)NLA_TYPE_MASK);
	out->data = list->at + sizeof(head);
	out->len = head.rta_len - sizeof(head);
	list->at += padded(head.rta_len, list->left);
	list->left -= padded(head.rta_len, list->left);
	return true;
}

static void
name_add(struct interfaces *t, int index, bool is_loopback, bool is_alias,
    const struct attr *attr)
{
	size_t len = strnlen((const char *)attr->data, attr->len);
	struct name *n;

	if (len == 0 || len >= INTERFACES_NAME_SIZE ||
	    t->nnames == INTERFACES_NAMES_MAX)
		return;
	t->names = xrealloc(t->names, t->nnames + 1, sizeof(struct name));
	n = &t->names[t->nnames++];
	memset(n, 0, sizeof(*n));
	n->index = index;
	n->is_loopback = is_loopback;
	n->is_alias = is_alias;
	memcpy(n->text, attr->data, len);
}

/* Made for machines and containers inside this one: others do not reach the
 * addresses on it. */
static bool
is_bridge_kind(const struct attr *info, const struct attr *name)
{
	static const char bridge[] = "bridge", veth[] = "veth";
	struct attrs list = {info->data, info->len};
	struct attr attr;
	size_t len;

	while (attr_next(&list, &attr)) {
		if (attr.type != IFLA_INFO_KIND)
			continue;
		len = strnlen((const char *)attr.data, attr.len);
		if (len == sizeof(bridge) - 1 &&
		    memcmp(attr.data, bridge, len) == 0)
			return true;
		/* a container's own end of the cable is called eth0 */
		return len == sizeof(veth) - 1 &&
		       memcmp(attr.data, veth, len) == 0 && name->len >= len &&
		       memcmp(name->data, veth, len) == 0;
	}
	return false;
}

static void
names_set_bridge(struct interfaces *t, size_t first)
{
	for (size_t i = first; i < t->nnames; i++)
		t->names[i].is_bridge = true;
}

static void
link_read(struct interfaces *t, const uint8_t *data, size_t len)
{
	struct ifinfomsg info;
	struct attrs list = {data + sizeof(info), len - sizeof(info)}, inner;
	struct attr attr, alias, name = {0, NULL, 0}, kind = {0, NULL, 0};
	size_t first = t->nnames;
	bool is_loopback;

	memcpy(&info, data, sizeof(info));
	is_loopback = (info.ifi_flags & IFF_LOOPBACK) != 0;
	while (attr_next(&list, &attr)) {
		if (attr.type == IFLA_LINKINFO)
			kind = attr;
		if (attr.type == IFLA_IFNAME) {
			name = attr;
			name_add(t, info.ifi_index, is_loopback, false, &attr);
		}
		if (attr.type != IFLA_PROP_LIST)
			continue;
		inner = (struct attrs){attr.data, attr.len};
		while (attr_next(&inner, &alias))
			if (alias.type == IFLA_ALT_IFNAME)
				name_add(t, info.ifi_index, is_loopback, true,
				    &alias);
	}
	if (is_bridge_kind(&kind, &name))
		names_set_bridge(t, first);
}

static const struct name *
name_of_index(const struct interfaces *t, int index)
{
	for (size_t i = 0; i < t->nnames; i++)
		if (t->names[i].index == index)
			return &t->names[i];
	return NULL;
}

static void
address_add(struct interfaces *t, const struct ifaddrmsg *msg, uint32_t flags,
    const struct attr *local)
{
	struct interface_address *a;
	const struct name *name;

	t->addresses =
	    xrealloc(t->addresses, t->naddresses + 1, sizeof(*t->addresses));
	a = &t->addresses[t->naddresses++];
	memset(a, 0, sizeof(*a));
	a->index = (int)msg->ifa_index;
	a->len = (uint8_t)local->len;
	a->prefix = msg->ifa_prefixlen;
	name = name_of_index(t, a->index);
	a->is_loopback = name != NULL && name->is_loopback;
	a->is_bridge = name != NULL && name->is_bridge;
	a->is_temporary = local->len == 16 &&
			  (flags & (IFA_F_TEMPORARY | IFA_F_DEPRECATED)) != 0;
	memcpy(a->bytes, local->data, local->len);
}

static void
address_read(struct interfaces *t, const uint8_t *data, size_t len)
{
	struct attr attr, local = {0, NULL, 0}, address = {0, NULL, 0};
	struct ifaddrmsg msg;
	struct attrs list = {data + sizeof(msg), len - sizeof(msg)};
	uint32_t flags;

	memcpy(&msg, data, sizeof(msg));
	flags = msg.ifa_flags;
	while (attr_next(&list, &attr)) {
		if (attr.type == IFA_FLAGS && attr.len == sizeof(flags))
			memcpy(&flags, attr.data, sizeof(flags));
		else if (attr.type == IFA_LOCAL)
			local = attr;
		else if (attr.type == IFA_ADDRESS)
			address = attr;
	}
	/* IFA_ADDRESS of a point-to-point link is the other end's */
	if (local.data == NULL)
		local = address;
	/* it cannot be bound before it is known to be unique */
	if ((flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0 &&
	    (flags & IFA_F_OPTIMISTIC) == 0)
		return;
	if ((msg.ifa_family == AF_INET && local.len == 4) ||
	    (msg.ifa_family == AF_INET6 && local.len == 16))
		if (t->naddresses < INTERFACES_ADDRESSES_MAX)
			address_add(t, &msg, flags, &local);
}

static void
route_read(struct interfaces *t, const uint8_t *data, size_t len)
{
	struct rtmsg msg;
	struct attrs list = {data + sizeof(msg), len - sizeof(msg)};
	struct attr attr;
	struct route r = {0, 0, {0}};
	size_t want;

	memcpy(&msg, data, sizeof(msg));
	want = msg.rtm_family == AF_INET ? 4 : 16;
	if (msg.rtm_type != RTN_UNICAST ||
	    (msg.rtm_family != AF_INET && msg.rtm_family != AF_INET6))
		return;
	while (attr_next(&list, &attr)) {
		if (attr.type == RTA_OIF && attr.len == sizeof(r.index))
			memcpy(&r.index, attr.data, sizeof(r.index));
		if (attr.type == RTA_PREFSRC && attr.len == want) {
			memcpy(r.source, attr.data, want);
			r.len = (uint8_t)want;
		}
	}
	t->routes[want == 16] = r;
}

static enum interfaces_step
message_read(struct interfaces *t, const struct nlmsghdr *head,
    const uint8_t *data, size_t len)
{
	if ((head->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
		return INTERFACES_AGAIN;
	switch (head->nlmsg_type) {
	case NLMSG_ERROR:
		return INTERFACES_FAILED;
	case NLMSG_DONE:
		return INTERFACES_DONE;
	case RTM_NEWLINK:
		if (len < sizeof(struct ifinfomsg))
			return INTERFACES_FAILED;
		link_read(t, data, len);
		break;
	case RTM_NEWADDR:
		if (len < sizeof(struct ifaddrmsg))
			return INTERFACES_FAILED;
		address_read(t, data, len);
		break;
	case RTM_NEWROUTE:
		if (len < sizeof(struct rtmsg))
			return INTERFACES_FAILED;
		route_read(t, data, len);
		break;
	}
	return INTERFACES_MORE;
}

enum interfaces_step
interfaces_read(struct interfaces *t, const void *data, size_t len)
{
	enum interfaces_step step = INTERFACES_MORE;
	const uint8_t *at = data;
	struct nlmsghdr head;

	while (len > 0 && step == INTERFACES_MORE) {
		if (len < sizeof(head))
			return INTERFACES_FAILED;
		memcpy(&head, at, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > len)
			return INTERFACES_FAILED;
		step = message_read(
		    t, &head, at + sizeof(head), head.nlmsg_len - sizeof(head));
		at += padded(head.nlmsg_len, len);
		len -= padded(head.nlmsg_len, len);
	}
	return step;
}

int
interfaces_index(const struct interfaces *t, const char *name)
{
	for (size_t i = 0; i < t->nnames; i++)
		if (strcmp(t->names[i].text, name) == 0)
			return t->names[i].index;
	return 0;
}

const char *
interfaces_name(const struct interfaces *t, int index)
{
	for (size_t i = 0; i < t->nnames; i++)
		if (t->names[i].index == index && !t->names[i].is_alias)
			return t->names[i].text;
	return "";
}

const struct interface_address *
interfaces_address(const struct interfaces *t, size_t i)
{
	return i < t->naddresses ? &t->addresses[i] : NULL;
}

enum interfaces_way
interfaces_way_out(
    const struct interfaces *t, const struct interface_address *a)
{
	const struct route *r = &t->routes[a->len == 16];

	if (r->len == 0 || r->index != a->index)
		return INTERFACES_WAY_NONE;
	return memcmp(r->source, a->bytes, r->len) == 0
		   ? INTERFACES_WAY_SOURCE
		   : INTERFACES_WAY_INTERFACE;
}

void
interfaces_take_ways(struct interfaces *t, const struct interfaces *from)
{
	memcpy(t->routes, from->routes, sizeof(t->routes));
}

static bool
prefix_covers(const struct interface_address *a, const uint8_t *bytes)
{
	unsigned whole = a->prefix / 8, rest = a->prefix % 8;

	if (a->prefix > a->len * 8u || memcmp(a->bytes, bytes, whole) != 0)
		return false;
	return rest == 0 || (a->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0;
}

bool
interfaces_is_own(const struct interfaces *t, const uint8_t *bytes, size_t len)
{
	const struct interface_address *a;

	for (size_t i = 0; i < t->naddresses; i++) {
		a = &t->addresses[i];
		if (a->len != len)
			continue;
		if (memcmp(a->bytes, bytes, len) == 0 ||
		    (a->is_loopback && len == 4 && prefix_covers(a, bytes)))
			return true;
	}
	return false;
}

bool
interfaces_equal(const struct interfaces *a, const struct interfaces *b)
{
	return memcmp(a->routes, b->routes, sizeof(a->routes)) == 0 &&
	       a->nnames == b->nnames && a->naddresses == b->naddresses &&
	       (a->nnames == 0 || memcmp(a->names, b->names,
				      a->nnames * sizeof(*a->names)) == 0) &&
	       (a->naddresses == 0 ||
		   memcmp(a->addresses, b->addresses,
		       a->naddresses * sizeof(*a->addresses)) == 0);
}
