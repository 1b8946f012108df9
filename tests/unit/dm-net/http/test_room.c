/* SPDX-License-Identifier: ISC */
/* All connections are taken: who goes for a new one, and who stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/limits.h"
#include "dm-net/http/conn_io.h"
#include "dm-net/http/server.h"
#include "tests/double/http_talk.h"

#define LOCAL "127.0.0.1"
#define BIG (4 << 20)

static char big[BIG];

static int
setup(void **state)
{
	struct http_node *n = http_node_new();
	struct entry e;

	fake_entry(&e, ENTRY_FILE, "small", 1000000000, "hello", 5, 1);
	fake_store_set(n->store, &e, "hello");
	memset(big, 'x', sizeof(big));
	fake_entry(&e, ENTRY_FILE, "big", 2000000000, big, BIG, 1);
	fake_store_set(n->store, &e, big);
	*state = n;
	return 0;
}

static int
teardown(void **state)
{
	http_node_free(*state);
	return 0;
}

/* As if the connection that was made last had begun so long ago. */
static void
age_last(struct http_node *n, uint64_t ns)
{
	TAILQ_LAST(&n->http->conns, http_conn_list)->begun_ns -= ns;
}

static bool
is_open(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK) != 0;
}

static int
send_text(struct http_node *n, const char *address, const char *text)
{
	int fd = http_node_connect(n, address);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	http_node_run(n);
	return fd;
}

static void
close_all(struct http_node *n, const int *fd, int len)
{
	for (int i = 0; i < len; i++)
		close(fd[i]);
	http_node_run(n);
}

static void
assert_served(struct http_node *n, const char *address)
{
	struct talk t;

	talk_open(&t, n, address);
	assert_int_equal(talk_get(&t, "/files/small", ""), 200);
	talk_close(&t);
}

/* Those who say nothing, or half a request, lock out nobody of their own
 * address; those that have been there for longest go. */
static void
test_silent_ones_of_one_address(void **state)
{
	struct http_node *n = *state;
	int fd[HTTP_PER_ADDRESS_MAX];

	for (int i = 0; i < HTTP_PER_ADDRESS_MAX; i++)
		fd[i] = send_text(n, LOCAL, i % 2 == 0 ? "" : "GET /he");
	assert_served(n, LOCAL);
	assert_false(is_open(fd[0]));
	for (int i = 1; i < HTTP_PER_ADDRESS_MAX; i++)
		assert_true(is_open(fd[i]));
	assert_int_equal(n->http->count.dropped_per_address, 1);
	close_all(n, fd, HTTP_PER_ADDRESS_MAX);
}

/* Whoever waits between requests goes before any that is served. */
static void
test_idle_ones_go_first(void **state)
{
	struct http_node *n = *state;
	int fd[HTTP_PER_ADDRESS_MAX];
	struct talk idle;

	fd[0] = send_text(n, LOCAL, "GET /he");
	for (int i = 1; i < HTTP_PER_ADDRESS_MAX - 1; i++)
		fd[i] = send_text(n, LOCAL,
		    "GET /files/big HTTP/1.1\r\nHost: localhost\r\n\r\n");
	talk_open(&idle, n, LOCAL);
	assert_int_equal(talk_get(&idle, "/files/small", ""), 200);
	assert_served(n, LOCAL);
	talk_send(&idle, "", 0);
	assert_true(idle.is_closed);
	for (int i = 0; i < HTTP_PER_ADDRESS_MAX - 1; i++)
		assert_true(is_open(fd[i]));
	/* to be closed between requests is no attack */
	assert_int_equal(n->http->count.dropped_per_address, 0);
	talk_close(&idle);
	close_all(n, fd, HTTP_PER_ADDRESS_MAX - 1);
}

/* All have a request: the one goes that has moved least, however little is
 * needed to look alive. */
static void
test_the_slowest_request_goes(void **state)
{
	struct http_node *n = *state;
	const char *slow_head = "GET /events HTTP/1.1\r\nHost: localhost\r\n"
				"\r\n";
	int fd[HTTP_PER_ADDRESS_MAX], slow = 40;

	for (int i = 0; i < HTTP_PER_ADDRESS_MAX; i++) {
		fd[i] = send_text(n, LOCAL,
		    i == slow ? slow_head
			      : "GET /files/big HTTP/1.1\r\n"
				"Host: localhost\r\n\r\n");
		/* the oldest has moved most */
		age_last(n, 3 * NS_PER_S);
	}
	/* of these nobody knows yet how fast they are */
	assert_served(n, LOCAL);
	for (int i = 0; i < HTTP_PER_ADDRESS_MAX; i++) {
		char c;

		/* those that stayed have got an answer, and get more of it */
		while (i == slow && recv(fd[i], &c, 1, 0) > 0)
			;
		assert_int_equal(is_open(fd[i]), i != slow);
	}
	close_all(n, fd, HTTP_PER_ADDRESS_MAX);
}

/* A full server: the address that has most connections pays, whatever the
 * others do. */
static void
test_the_greediest_address_pays(void **state)
{
	struct http_node *n = *state;
	static int fd[HTTP_CONNECTIONS_MAX];
	int alone = send_text(n, "192.0.2.77", "GET /he");
	char address[32];
	int len = 0;

	age_last(n, 3600 * NS_PER_S);
	for (int host = 0; len < HTTP_CONNECTIONS_MAX - 1; host++) {
		snprintf(address, sizeof(address), "10.0.0.%d", host);
		for (int i = 0;
		     i < HTTP_PER_ADDRESS_MAX && len < HTTP_CONNECTIONS_MAX - 1;
		     i++)
			fd[len++] = send_text(n, address, "");
	}
	assert_int_equal(
	    http_server_connections(n->http), HTTP_CONNECTIONS_MAX);
	for (int i = 0; i < 20; i++)
		assert_served(n, LOCAL);
	assert_true(is_open(alone));
	assert_false(is_open(fd[0]));
	assert_int_equal(n->http->count.dropped_full, 1);
	close(alone);
	close_all(n, fd, len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    T(test_silent_ones_of_one_address),
	    T(test_idle_ones_go_first),
	    T(test_the_slowest_request_goes),
	    T(test_the_greediest_address_pays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
