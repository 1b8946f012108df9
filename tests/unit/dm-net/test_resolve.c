/* SPDX-License-Identifier: ISC */
/* Questions to the resolver: each answered once, whatever it or its channel
 * does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dm-net/resolve.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct asked {
	unsigned calls;
	size_t n;
	struct resolve_address list[RESOLVE_ADDRESSES_MAX];
	char error[200];
	struct resolve *again; /* asks from within the callback */
	uint32_t again_id;
};

struct node {
	struct event_base *base;
	struct resolve *resolve;
	struct ipc *net_end, *resolver_end;
	uint64_t ids[RESOLVE_WAITING_MAX + 1];
	uint64_t family;
	size_t n_ids;
};

static void on_answer(
    void *, const struct resolve_address *, size_t, const char *);

static uint32_t
ask(struct resolve *r, const char *host, unsigned family, bool is_trusted,
    struct asked *q)
{
	const struct resolve_ask one = {host, family, is_trusted};
	const char *why;
	uint32_t id = resolve_start(r, &one, on_answer, q, &why);

	assert_true((id == 0) == (why != NULL));
	return id;
}

static void
on_answer(
    void *ctx, const struct resolve_address *list, size_t n, const char *error)
{
	struct asked *q = ctx;

	q->calls++;
	q->n = n;
	if (n > 0)
		memcpy(q->list, list, n * sizeof(*list));
	strncpy(q->error, error, sizeof(q->error) - 1);
	if (q->again != NULL)
		q->again_id = ask(q->again, "again.test", 0, true, q);
	q->again = NULL;
}

static void
on_resolve(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_resolve *m = msg;
	struct node *n = ctx;

	n->family = m->family;
	if (n->n_ids < COUNT(n->ids))
		n->ids[n->n_ids++] = m->id;
}

static void
on_resolved(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	resolve_on_resolved(((struct node *)ctx)->resolve, msg);
}

static void
on_closed(void *ctx, struct ipc *ipc, const char *violation)
{
}

static ipc_handler *const resolver_handlers[IPC_MESSAGE_COUNT] = {
    [IPC_RESOLVE] = on_resolve};
static ipc_handler *const net_handlers[IPC_MESSAGE_COUNT] = {
    [IPC_RESOLVED] = on_resolved};

static void
run(struct node *n)
{
	for (int i = 0; i < 10; i++)
		event_base_loop(n->base, EVLOOP_NONBLOCK);
}

static void
connect_resolver(struct node *n)
{
	struct ipc_owner ours = {net_handlers, NULL, on_closed, n};
	struct ipc_owner theirs = {resolver_handlers, NULL, on_closed, n};
	int fds[2];

	assert_int_equal(ipc_pair(fds), 0);
	n->resolver_end =
	    ipc_new(n->base, fds[0], ROLE_RESOLVER, ROLE_NET, &theirs);
	n->net_end = ipc_new(n->base, fds[1], ROLE_NET, ROLE_RESOLVER, &ours);
	resolve_attach(n->resolve, n->net_end);
	n->n_ids = 0;
	run(n);
}

static void
lose_resolver(struct node *n)
{
	resolve_attach(n->resolve, NULL);
	ipc_free(n->net_end);
	ipc_free(n->resolver_end);
	n->net_end = n->resolver_end = NULL;
}

static int
setup(void **state)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->base = event_base_new();
	n->resolve = resolve_new();
	connect_resolver(n);
	*state = n;
	return 0;
}

static int
teardown(void **state)
{
	struct node *n = *state;

	resolve_free(n->resolve);
	ipc_free(n->net_end);
	ipc_free(n->resolver_end);
	event_base_free(n->base);
	free(n);
	return 0;
}

static void
say(struct node *n, size_t i, const void *addresses, size_t len,
    const char *error)
{
	struct ipc_resolved m = {.id = n->ids[i],
	    .error = bytes_text(error),
	    .addresses = bytes_of(addresses, len)};

	ipc_send(n->resolver_end, IPC_RESOLVED, &m, -1);
	run(n);
}

static const uint8_t two[34] = {4, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 6, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

static void
test_addresses(void **state)
{
	struct node *n = *state;
	struct asked q = {0};

	assert_int_not_equal(ask(n->resolve, "a.test", 6, true, &q), 0);
	run(n);
	assert_int_equal(n->n_ids, 1);
	assert_int_equal(n->family, 6);
	assert_int_equal(q.calls, 0);
	say(n, 0, two, sizeof(two), "");
	assert_int_equal(q.calls, 1);
	assert_int_equal(q.n, 2);
	assert_int_equal(q.list[0].len, 4);
	assert_memory_equal(q.list[0].bytes, two + 1, 4);
	assert_int_equal(q.list[1].len, 16);
	assert_memory_equal(q.list[1].bytes, two + 18, 16);
	assert_string_equal(q.error, "");
	/* once is enough */
	say(n, 0, two, sizeof(two), "");
	assert_int_equal(q.calls, 1);
}

static void
test_no_address(void **state)
{
	struct node *n = *state;
	struct asked q = {0}, mute = {0}, odd = {0};
	const uint8_t strange[20] = {9};

	ask(n->resolve, "a.test", 0, true, &q);
	ask(n->resolve, "b.test", 0, true, &mute);
	ask(n->resolve, "c.test", 0, true, &odd);
	run(n);
	say(n, 0, NULL, 0, "a.test: no such name");
	assert_int_equal(q.n, 0);
	assert_string_equal(q.error, "a.test: no such name");
	say(n, 1, NULL, 0, "");
	assert_int_equal(mute.calls, 1);
	assert_string_not_equal(mute.error, "");
	/* of no family, and a part of one */
	say(n, 2, strange, sizeof(strange), "");
	assert_int_equal(odd.calls, 1);
	assert_int_equal(odd.n, 0);
}

static void
test_cancelled(void **state)
{
	struct node *n = *state;
	struct asked q = {0};
	uint32_t id = ask(n->resolve, "a.test", 0, true, &q);

	run(n);
	resolve_cancel(n->resolve, id);
	resolve_cancel(n->resolve, id);
	say(n, 0, two, sizeof(two), "");
	lose_resolver(n);
	assert_int_equal(q.calls, 0);
}

static void
test_resolver_lost(void **state)
{
	struct node *n = *state;
	struct asked q = {.again = n->resolve}, other = {0};

	ask(n->resolve, "a.test", 0, true, &q);
	ask(n->resolve, "b.test", 0, true, &other);
	lose_resolver(n);
	assert_int_equal(q.calls, 1);
	assert_int_equal(other.calls, 1);
	assert_int_equal(q.n, 0);
	assert_string_not_equal(q.error, "");
	/* without one nobody is kept waiting */
	assert_int_equal(q.again_id, 0);
	assert_int_equal(ask(n->resolve, "c.test", 0, true, &q), 0);
	connect_resolver(n);
	ask(n->resolve, "d.test", 0, true, &other);
	run(n);
	assert_int_equal(n->n_ids, 1);
	say(n, 0, two, sizeof(two), "");
	assert_int_equal(other.calls, 2);
	assert_int_equal(other.n, 2);
}

/* A new channel in place of one that has not been seen to end. */
static void
test_resolver_replaced(void **state)
{
	struct node *n = *state;
	struct ipc *net_end = n->net_end, *resolver_end = n->resolver_end;
	struct asked q = {.again = n->resolve};

	ask(n->resolve, "a.test", 0, true, &q);
	run(n);
	connect_resolver(n);
	assert_int_equal(q.calls, 1);
	assert_int_not_equal(q.again_id, 0);
	run(n);
	assert_int_equal(n->n_ids, 1);
	say(n, 0, two, 17, "");
	assert_int_equal(q.calls, 2);
	assert_int_equal(q.n, 1);
	ipc_free(net_end);
	ipc_free(resolver_end);
}

static void
test_too_many(void **state)
{
	struct node *n = *state;
	struct asked q = {0};

	for (int i = 0; i < RESOLVE_WAITING_MAX; i++)
		assert_int_not_equal(ask(n->resolve, "a.test", 0, true, &q), 0);
	assert_int_equal(ask(n->resolve, "a.test", 0, true, &q), 0);
	run(n);
	say(n, 0, two, 17, "");
	assert_int_not_equal(ask(n->resolve, "a.test", 0, true, &q), 0);
}

/* Look-ups that records order, to names that nobody answers for. */
static void
test_strangers_leave_threads(void **state)
{
	struct node *n = *state;
	struct asked q = {0}, ours = {0};
	uint32_t id = 0;

	for (int i = 0; i < RESOLVE_STRANGERS_MAX; i++) {
		id = ask(n->resolve, "a.test", 0, false, &q);
		assert_int_not_equal(id, 0);
	}
	assert_int_equal(ask(n->resolve, "b.test", 0, false, &q), 0);
	/* nobody waits for it, but the resolver works on it all the same */
	resolve_cancel(n->resolve, id);
	assert_int_equal(ask(n->resolve, "b.test", 0, false, &q), 0);
	assert_int_not_equal(ask(n->resolve, "c.test", 0, true, &ours), 0);
	run(n);
	assert_int_equal(n->n_ids, RESOLVE_STRANGERS_MAX + 1);
	say(n, RESOLVE_STRANGERS_MAX, two, 17, "");
	assert_int_equal(ours.calls, 1);
	say(n, RESOLVE_STRANGERS_MAX - 1, two, 17, "");
	assert_int_equal(q.calls, 0);
	assert_int_not_equal(ask(n->resolve, "b.test", 0, false, &q), 0);
}

/* Answers that come at once order no stream of queries. */
static void
test_strangers_are_slow(void **state)
{
	struct node *n = *state;
	struct asked q = {0}, ours = {0};
	size_t i = 0;

	while (i < RESOLVE_WAITING_MAX &&
	       ask(n->resolve, "a.test", 0, false, &q) != 0) {
		run(n);
		say(n, i++, two, 17, "");
	}
	/* one more for each two seconds that this took */
	assert_in_range(
	    i, RESOLVE_STRANGERS_BURST, RESOLVE_STRANGERS_BURST + 30);
	assert_int_not_equal(ask(n->resolve, "c.test", 0, true, &ours), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_addresses),
	    TEST(test_no_address),
	    TEST(test_cancelled),
	    TEST(test_resolver_lost),
	    TEST(test_resolver_replaced),
	    TEST(test_too_many),
	    TEST(test_strangers_leave_threads),
	    TEST(test_strangers_are_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
