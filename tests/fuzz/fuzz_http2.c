/* SPDX-License-Identifier: ISC */
/*
 * The frames of an HTTP/2 client, with a store in memory behind them.
 * The first byte says in pieces of how many bytes the rest arrives.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/double/http_node.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct http_node *
node(void)
{
	static struct http_node *n;
	struct entry e;

	if (n != NULL)
		return n;
	log_init("fuzz");
	log_set_level(LOG_L_FATAL);
	n = http_node_new();
	n->n_peers = 1;
	fake_entry(&e, ENTRY_FILE, "a", 1000000000, "hello", 5, 1);
	fake_store_set(n->store, &e, "hello");
	fake_entry(&e, ENTRY_DELETE, "b", 1000000000, "", 0, 1);
	fake_store_set(n->store, &e, "");
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* the preface and empty SETTINGS */
	static const char opening[] =
	    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct http_node *n = node();
	char out[4096];
	bool is_closed = false;
	size_t piece;
	int fd;

	if (len < 2 || len > 40000)
		return 0;
	piece = data[0] == 0 ? len : (size_t)data[0] * 16;
	data++;
	len--;
	fd = http_node_connect(n, "127.0.0.1");
	http_node_talk(
	    n, fd, opening, sizeof(opening) - 1, out, sizeof(out), &is_closed);
	for (size_t take; len > 0 && !is_closed; data += take, len -= take) {
		take = len < piece ? len : piece;
		http_node_talk(n, fd, data, take, out, sizeof(out), &is_closed);
	}
	close(fd);
	http_node_pass(n, 1000);
	if (http_server_connections(n->http) != 0)
		http_node_run(n);
	if (n->is_violated || http_server_connections(n->http) != 0)
		fatal("a client left something behind");
	return 0;
}
