/* SPDX-License-Identifier: ISC */
#include "dmd/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/ip_text.h"
#include "common/log.h"

struct endpoint_list {
	struct endpoint *out;
	size_t n;
	const struct interfaces *interfaces;
	enum endpoint_kind kind;
	uint16_t port;
	bool is_cut;
};

static bool
bytes_are_zero(const uint8_t *bytes, size_t len)
{
	static const uint8_t zero[16];

	return memcmp(bytes, zero, len) == 0;
}

static bool
is_link_local(const uint8_t *bytes, size_t len)
{
	return len == 16 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool
endpoint_is_wildcard(const struct endpoint *e)
{
	return bytes_are_zero(e->bytes, e->len);
}

/* Two sockets for one connection: the kernel refuses the second. */
static bool
is_covered(const struct endpoint *by, const struct endpoint *e)
{
	if (by->kind != e->kind || by->len != e->len || by->index != 0)
		return false;
	return endpoint_is_wildcard(by) ||
	       (memcmp(by->bytes, e->bytes, e->len) == 0 &&
		   by->scope == e->scope);
}

bool
endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->kind == b->kind && a->len == b->len && a->port == b->port &&
	       a->index == b->index && a->scope == b->scope &&
	       memcmp(a->bytes, b->bytes, a->len) == 0 &&
	       strcmp(a->interface, b->interface) == 0;
}

static void
wanted_add(struct endpoint_list *w, const uint8_t *bytes, size_t len, int index,
    int scope)
{
	struct endpoint e = {.kind = w->kind,
	    .len = (uint8_t)len,
	    .port = w->port,
	    .index = index,
	    .scope = scope};
	size_t kept = 0;

	memcpy(e.bytes, bytes, len);
	if (index != 0)
		snprintf(e.interface, sizeof(e.interface), "%.15s",
		    interfaces_name(w->interfaces, index));
	for (size_t i = 0; i < w->n; i++)
		if (endpoint_equal(&w->out[i], &e) ||
		    is_covered(&w->out[i], &e))
			return;
	for (size_t i = 0; i < w->n; i++)
		if (!is_covered(&e, &w->out[i]))
			w->out[kept++] = w->out[i];
	w->n = kept;
	if (w->n == ENDPOINTS_MAX) {
		w->is_cut = true;
		return;
	}
	w->out[w->n++] = e;
}

static void
add_interface(struct endpoint_list *w, int index)
{
	const struct interface_address *a;
	int loopback = interfaces_index(w->interfaces, "lo"), scope;

	for (size_t i = 0; (a = interfaces_address(w->interfaces, i)) != NULL;
	     i++) {
		if (a->index != index)
			continue;
		scope = is_link_local(a->bytes, a->len) ? index : 0;
		wanted_add(w, a->bytes, a->len, index, scope);
		if (a->len == 4 && loopback != 0)
			wanted_add(w, a->bytes, a->len, loopback, 0);
	}
}

/* A link-local address without a zone: the interface that has it. */
static int
scope_find(const struct interfaces *t, const struct ip_text *item)
{
	const struct interface_address *a;
	int zone = 0;

	if (item->zone[0] != '\0' &&
	    (zone = interfaces_index(t, item->zone)) == 0)
		return 0;
	for (size_t i = 0; (a = interfaces_address(t, i)) != NULL; i++)
		if (a->len == item->len &&
		    memcmp(a->bytes, item->bytes, a->len) == 0 &&
		    (zone == 0 || a->index == zone))
			return a->index;
	return 0;
}

static void
add_item(struct endpoint_list *w, const char *text)
{
	struct ip_text item = ip_text_parse(text);
	int index;

	if (item.len == 0) {
		index = interfaces_index(w->interfaces, text);
		if (index != 0)
			add_interface(w, index);
	} else if (!endpoint_item_is_there(w->interfaces, text)) {
		return;
	} else if (is_link_local(item.bytes, item.len)) {
		wanted_add(w, item.bytes, item.len, 0,
		    scope_find(w->interfaces, &item));
	} else {
		wanted_add(w, item.bytes, item.len, 0, 0);
	}
}

bool
endpoint_item_is_there(const struct interfaces *t, const char *text)
{
	struct ip_text item = ip_text_parse(text);

	if (item.len == 0)
		return interfaces_index(t, text) != 0;
	if (bytes_are_zero(item.bytes, item.len))
		return true;
	if (is_link_local(item.bytes, item.len))
		return scope_find(t, &item) != 0;
	return interfaces_is_own(t, item.bytes, item.len);
}

size_t
endpoints_wanted(const struct config *config, const struct interfaces *t,
    struct endpoint out[static ENDPOINTS_MAX])
{
	static const uint8_t any[16], local4[4] = {127, 0, 0, 1},
				      local6[16] = {[15] = 1};
	struct endpoint_list w = {
	    out, 0, t, ENDPOINT_LIBP2P, config->cluster.port, false};

	for (size_t i = 0; i < config->cluster.interfaces.n; i++)
		add_item(&w, config->cluster.interfaces.item[i]);
	if (config->cluster.interfaces.n == 0) {
		wanted_add(&w, any, 4, 0, 0);
		wanted_add(&w, any, 16, 0, 0);
	}
	w.kind = ENDPOINT_HTTP;
	w.port = config->http.port;
	wanted_add(&w, local4, 4, 0, 0);
	if (interfaces_is_own(t, local6, 16))
		wanted_add(&w, local6, 16, 0, 0);
	for (size_t i = 0; i < config->http.interfaces.n; i++)
		add_item(&w, config->http.interfaces.item[i]);
	if (w.is_cut)
		log_warn("more than %d addresses to listen on: name fewer "
			 "interfaces in dm.toml",
		    ENDPOINTS_MAX);
	return w.n;
}

socklen_t
endpoint_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (e->len == 4) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(e->port);
		memcpy(&sin->sin_addr, e->bytes, 4);
		return sizeof(*sin);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(e->port);
	sin6->sin6_scope_id = (uint32_t)e->scope;
	memcpy(&sin6->sin6_addr, e->bytes, 16);
	return sizeof(*sin6);
}

const char *
endpoint_text(const struct endpoint *e, char out[static ENDPOINT_TEXT_MAX])
{
	char address[INET6_ADDRSTRLEN] = "?", zone[24] = "";
	bool is_ip6 = e->len == 16;

	inet_ntop(
	    is_ip6 ? AF_INET6 : AF_INET, e->bytes, address, sizeof(address));
	if (e->interface[0] != '\0')
		snprintf(zone, sizeof(zone), "%%%s", e->interface);
	else if (e->scope != 0)
		snprintf(zone, sizeof(zone), "%%%d", e->scope);
	snprintf(out, ENDPOINT_TEXT_MAX, "%s %s%s%s%s:%u",
	    e->kind == ENDPOINT_HTTP ? "http" : "libp2p", is_ip6 ? "[" : "",
	    address, zone, is_ip6 ? "]" : "", e->port);
	return out;
}
