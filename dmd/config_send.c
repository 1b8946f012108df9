/* SPDX-License-Identifier: ISC */
#include "dmd/config_send.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/sha256.h"
#include "dm-net/libp2p/multiaddr.h"

/* Where the messages go: to a child, or into a digest. */
struct target {
	struct ipc *ipc;
	struct sha256 *digest;
};

static void
put(const struct target *to, enum ipc_message m, const void *msg)
{
	uint8_t buf[IPC_MESSAGE_MAX];
	size_t len;

	if (to->ipc != NULL) {
		ipc_send(to->ipc, m, msg, -1);
		return;
	}
	len = codec_encode(ipc_message_struct(m), m, msg, buf, sizeof(buf));
	if (len == 0)
		fatal("the configuration has no digest");
	sha256_add(to->digest, buf, len);
}

static void
send_begin(const struct target *to, const struct config *c, uint32_t generation)
{
	struct ipc_config_begin msg = {
	    .generation = generation,
	    .network = bytes_of(c->network, c->has_network ? 32 : 0),
	    .max_file_size = c->limits.max_file_size,
	    .max_clock_skew_ns = c->limits.max_clock_skew_ns,
	    .max_total_size = c->limits.max_total_size,
	    .min_free = c->limits.min_free,
	    .max_files = c->limits.max_files,
	    .max_records_per_signer = c->limits.max_records_per_signer,
	    .history_size = c->limits.history_size,
	    .history_versions = c->limits.history_versions,
	    .push_pull_interval_ns = c->cluster.push_pull_interval_ns,
	    .max_peers = c->cluster.max_peers,
	    .perf = c->cluster.perf,
	    .http_read = c->http.read,
	    .cluster_port = c->cluster.port,
	    .http_port = c->http.port,
	};

	put(to, IPC_CONFIG_BEGIN, &msg);
}

static void
send_names(const struct target *to, const struct config *c)
{
	struct ipc_config_name msg;

	for (size_t i = 0; i < c->nfiles; i++) {
		msg.pattern = bytes_text(c->files[i].pattern);
		msg.signers = bytes_of(c->files[i].signers, c->files[i].n * 32);
		put(to, IPC_CONFIG_NAME, &msg);
	}
}

/* The index of the interface that a multiaddr names as its zone; 0 if it names
 * none, or none that is here. */
static int
zone_index(const char *text, const struct interfaces *interfaces)
{
	struct multiaddr addr;

	if (multiaddr_parse_text(&addr, text, strlen(text)) != MULTIADDR_OK ||
	    addr.zone[strspn(addr.zone, "0123456789")] == '\0')
		return 0;
	return interfaces_index(interfaces, addr.zone);
}

/* dm-net has no call that looks up an interface: it is given its number. */
static const char *
with_zone_number(const char *text, const struct interfaces *interfaces,
    char out[static MULTIADDR_TEXT_SIZE])
{
	int index = zone_index(text, interfaces);
	struct multiaddr_raw raw;
	struct multiaddr addr;

	if (index == 0 ||
	    multiaddr_parse_text(&addr, text, strlen(text)) != MULTIADDR_OK)
		return text;
	snprintf(addr.zone, sizeof(addr.zone), "%d", index);
	if (multiaddr_build(&raw, &addr) != MULTIADDR_OK ||
	    !multiaddr_to_text(&raw, out))
		return text;
	return out;
}

static void
send_peers(const struct target *to, unsigned kind,
    const struct config_list *list, const struct interfaces *interfaces)
{
	struct ipc_config_peer msg = {.kind = kind};
	char text[MULTIADDR_TEXT_SIZE];

	for (size_t i = 0; i < list->n; i++) {
		msg.text = bytes_text(
		    with_zone_number(list->item[i], interfaces, text));
		put(to, IPC_CONFIG_PEER, &msg);
	}
}

uint64_t
config_send_zones(const struct config *c, const struct interfaces *interfaces)
{
	const struct config_list *list = &c->cluster.bootstrap_peers;
	uint64_t sum = 0;

	for (size_t i = 0; i < list->n; i++)
		sum =
		    sum * 31 + (uint64_t)zone_index(list->item[i], interfaces);
	return sum;
}

static void
put_all(const struct target *to, enum role role, const struct config *c,
    uint32_t generation, const struct interfaces *interfaces)
{
	struct ipc_config_commit commit = {.generation = generation};

	send_begin(to, c, generation);
	send_names(to, c);
	if (role == ROLE_NET) {
		send_peers(to, 0, &c->cluster.bootstrap_peers, interfaces);
		send_peers(to, 1, &c->cluster.allowed_peers, interfaces);
	}
	put(to, IPC_CONFIG_COMMIT, &commit);
}

void
config_send(struct ipc *ipc, enum role role, const struct config *c,
    uint32_t generation, const struct interfaces *interfaces)
{
	const struct target to = {.ipc = ipc};

	put_all(&to, role, c, generation, interfaces);
}

void
config_send_digest(enum role role, const struct config *c,
    const struct interfaces *interfaces, uint8_t out[static 32])
{
	const struct target to = {.digest = sha256_new()};

	put_all(&to, role, c, 0, interfaces);
	sha256_end(to.digest, out);
	sha256_free(to.digest);
}
