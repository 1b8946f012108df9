/* SPDX-License-Identifier: ISC */
#include "tests/double/http_fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/double/http_node.h"

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

void
http_fuzz(const void *opening, size_t opening_len, const uint8_t *data,
    size_t len)
{
	struct http_node *n = node();
	char out[4096];
	bool is_closed = false;
	size_t piece;
	int fd;

	if (len < 2 || len > 40000)
		return;
	piece = data[0] == 0 ? len : (size_t)data[0] * 16;
	data++;
	len--;
	fd = http_node_connect(n, "127.0.0.1");
	if (opening_len > 0)
		http_node_talk(n, fd, opening, opening_len, out, sizeof(out),
		    &is_closed);
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
}
