/* SPDX-License-Identifier: ISC */
/*
 * The HTTP part of a node alone, on 127.0.0.1, for tests with real clients:
 * http_server PORT [NAME SIZE]... holds files of these sizes. Ends with its
 * standard input.
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/double/http_node.h"

static int
listen_on(uint16_t port)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)(void *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 512) == -1)
		fatal("port %u cannot be had", port);
	return fd;
}

static void
hold(struct http_node *n, const char *name, size_t size)
{
	uint8_t *content = xcalloc(1, size + 1);
	struct entry e;

	for (size_t i = 0; i < size; i++)
		content[i] = (uint8_t)(i * 2654435761u >> 24);
	fake_entry(&e, ENTRY_FILE, name, UINT64_C(1700000000123456789), content,
	    size, 1);
	fake_store_set(n->store, &e, content);
	free(content);
}

static void
on_stdin(evutil_socket_t fd, short what, void *arg)
{
	char buf[64];

	if (read((int)fd, buf, sizeof(buf)) <= 0)
		event_base_loopbreak(arg);
}

int
main(int argc, char **argv)
{
	struct http_node *n;
	struct event *end;

	log_init("http_server");
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2 || argc % 2 != 0)
		return 64;
	n = http_node_new();
	for (int i = 2; i < argc; i += 2)
		hold(n, argv[i], strtoul(argv[i + 1], NULL, 10));
	http_server_listen(
	    n->http, listen_on((uint16_t)strtoul(argv[1], NULL, 10)), 1);
	end = event_new(n->base, 0, EV_READ | EV_PERSIST, on_stdin, n->base);
	event_add(end, NULL);
	printf("ready\n");
	fflush(stdout);
	event_base_dispatch(n->base);
	event_free(end);
	http_node_free(n);
	return 0;
}
