/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/host.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm-net/libp2p/conn.h"
#include "dm-net/libp2p/mem.h"
#include "dm-net/libp2p/ping.h"

static void
serve(struct p2p_host *host, const struct protocol *protocol)
{
	assert(host->protocol_count < HOST_PROTOCOLS_MAX);
	assert(strlen(protocol->name) <= MULTISTREAM_PROTOCOL_MAX);
	host->protocols[host->protocol_count] = *protocol;
	host->names[host->protocol_count++] = protocol->name;
}

static void
serve_builtins(struct p2p_host *host)
{
	serve(host, &(struct protocol){IDENTIFY_PROTOCOL, P2P_CLASS_CONTROL, 8,
			&service_identify, NULL});
	serve(host, &(struct protocol){IDENTIFY_PUSH_PROTOCOL,
			P2P_CLASS_CONTROL, 2, &service_push, NULL});
	serve(host, &(struct protocol){PING_PROTOCOL, P2P_CLASS_CONTROL,
			P2P_STREAMS_MAX, &ping_handlers, NULL});
}

struct p2p_host *
p2p_host_new(const struct p2p_host_config *config)
{
	X509 *cert =
	    cert_make(config->tls_key, config->ed25519_key, config->signature);
	struct p2p_host *host;

	if (cert == NULL) {
		errno = EINVAL;
		return NULL;
	}
	host = mem_new(sizeof(*host));
	host->tls_ctx = tls_ctx_new(config->tls_key, cert);
	X509_free(cert);
	peer_id_from_key(&host->id, config->ed25519_key);
	host->callbacks = config->callbacks;
	host->user = config->user;
	strncpy(host->agent, config->agent, HOST_AGENT_MAX);
	serve_builtins(host);
	return host;
}

void
p2p_host_free(struct p2p_host *host)
{
	if (host == NULL)
		return;
	assert(host->conn_count == 0);
	tls_ctx_free(host->tls_ctx);
	free(host);
}

void *
p2p_host_user(const struct p2p_host *host)
{
	return host->user;
}

const struct peer_id *
p2p_host_peer_id(const struct p2p_host *host)
{
	return &host->id;
}

void
p2p_host_serve(struct p2p_host *host, const char *protocol,
    enum p2p_class stream_class, unsigned inbound_max,
    const struct p2p_stream_handlers *handlers, void *user)
{
	serve(host, &(struct protocol){
			protocol, stream_class, inbound_max, handlers, user});
}

int
p2p_host_set_addresses(
    struct p2p_host *host, const struct multiaddr_raw *addrs, size_t count)
{
	if (count > IDENTIFY_ADDRS_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (count > 0)
		memcpy(host->addrs, addrs, count * sizeof(*addrs));
	host->addr_count = count;
	return 0;
}

int
p2p_host_set_record(struct p2p_host *host, const uint8_t *envelope, size_t len)
{
	if (len > sizeof(host->record)) {
		errno = EINVAL;
		return -1;
	}
	if (len > 0)
		memcpy(host->record, envelope, len);
	host->record_len = len;
	return 0;
}

void
p2p_host_set_wall_time(struct p2p_host *host, int64_t unix_s)
{
	tls_ctx_set_wall_time(host->tls_ctx, unix_s);
}
