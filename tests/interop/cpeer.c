/* SPDX-License-Identifier: ISC */
/*
 * cpeer is our libp2p as a program, to be tested against other
 * implementations (gopeer is its counterpart):
 *
 *	cpeer listen [-s SEED]
 *		prints its multiaddress, serves until standard input ends
 *	cpeer dial [-s SEED] [-k KIB] [-n STREAMS] [-i IDLE_S] [-j] [-r]
 *	    [-p PROTOCOL] MULTIADDR [CHECK ...]
 *		makes the checks (or all), one JSON object a line; exits 0
 *		if all passed, else 1; -j: the other one is js-libp2p; -r:
 *		rust-libp2p; -p: has streams of this protocol, too, and says
 *		nothing
 */
#include <err.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/interop/cloop.h"
#include "tests/interop/cserve.h"

#define PING_BYTES 32
#define SECONDS 30

/* One stream: sends `head`, then pattern bytes, then FIN, and wants pattern
 * bytes or a count back. */
struct task {
	struct p2p_stream *stream;
	uint8_t head[8];
	size_t head_left;
	uint64_t send, sent;
	uint64_t want, got; /* pattern bytes, or ... */
	bool wants_count;   /* ... the count of what we sent */
	uint64_t step;	    /* send only so far ahead of the echo */
	bool reads_last;    /* read only after all was sent */
	uint64_t reset_at;  /* reset after so many bytes came */
	bool is_wrong;
	bool is_blind; /* to what comes */
	bool waits;    /* no FIN before the protocol is agreed */
	enum p2p_end end;
	struct batch *batch;
};

struct batch {
	unsigned int running;
	bool is_done;
};

struct options {
	uint64_t bytes;
	unsigned int streams;
	unsigned int idle_s;
	/* js loses data whose FIN comes before its answer to a proposal. */
	bool is_js;
	/* rust signs a peer record of a kind of its own, which is nobody
	 * else's: here it is as if there were none. */
	bool is_rust;
};

struct run {
	struct cloop *loop;
	struct link *link;
	struct options options;
	char error[160];
};

/* --- a task's stream --------------------------------------------------- */

static bool
is_all_sent(const struct task *t)
{
	return t->head_left == 0 && t->sent == t->send;
}

static size_t
on_writable(struct p2p_stream *s, uint8_t *out, size_t room)
{
	struct task *t = p2p_stream_user(s);
	uint64_t left = t->send - t->sent;
	size_t n = t->head_left < room ? t->head_left : room;

	memcpy(out, t->head + 8 - t->head_left, n);
	t->head_left -= n;
	if (t->step != 0 && left > t->step - (t->sent - t->got))
		left = t->step - (t->sent - t->got);
	if (left > room - n)
		left = room - n;
	cserve_pattern(out + n, (size_t)left, t->sent);
	t->sent += left;
	if (is_all_sent(t) && t->step == 0 && t->reset_at == 0 && !t->waits)
		p2p_stream_shutdown(s);
	if (is_all_sent(t) && t->reads_last)
		p2p_stream_want_read(s);
	return n + (size_t)left;
}

static void
on_open(struct p2p_stream *s)
{
	struct task *t = p2p_stream_user(s);

	t->waits = false;
	p2p_stream_want_write(s);
}

static size_t
on_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct task *t = p2p_stream_user(s);

	if (t->reads_last && !is_all_sent(t))
		return 0;
	if (t->wants_count) {
		t->is_wrong |= len != 8 || cserve_get64(data) != t->sent;
	} else if (!t->is_blind) {
		t->is_wrong |= !cserve_is_pattern(data, len, t->got);
	}
	t->got += len;
	if (t->reset_at != 0 && t->got >= t->reset_at)
		p2p_stream_reset(s, 7);
	else if (t->step != 0 && t->got == t->want)
		p2p_stream_shutdown(s);
	else if (t->step != 0)
		p2p_stream_want_write(s);
	return len;
}

static void
on_eof(struct p2p_stream *s)
{
	(void)s; /* our direction ends by itself */
}

static void
on_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct task *t = p2p_stream_user(s);

	t->end = end;
	t->batch->is_done = --t->batch->running == 0;
}

static const struct p2p_stream_handlers handlers = {
    .on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* --- running tasks ----------------------------------------------------- */

static bool
fail(struct run *r, const char *text)
{
	snprintf(r->error, sizeof(r->error), "%s", text);
	return false;
}

static bool
judge_task(struct run *r, const struct task *t, enum p2p_end end)
{
	uint64_t want = t->wants_count ? 8 : t->want;

	if (t->end != end) {
		snprintf(r->error, sizeof(r->error),
		    "the stream ended with %d, not %d", (int)t->end, (int)end);
		return false;
	}
	if (t->is_wrong)
		return fail(r, "wrong bytes came");
	if (end == P2P_END_DONE && t->got != want)
		return fail(r, "too few or too many bytes came");
	return true;
}

/* Runs `count` streams at once, and wants all of them to end in `end`. */
static bool
run_tasks(struct run *r, const char *protocol, struct task *tasks,
    unsigned int count, enum p2p_end end)
{
	struct batch batch = {.running = count};

	for (unsigned int i = 0; i < count; i++) {
		tasks[i].batch = &batch;
		tasks[i].waits = r->options.is_js;
		tasks[i].stream = p2p_stream_open(r->link->conn, protocol,
		    P2P_CLASS_LARGE_FILE, &handlers, &tasks[i]);
		if (tasks[i].stream == NULL)
			err(2, "p2p_stream_open");
	}
	if (!cloop_run(r->loop, &batch.is_done, SECONDS))
		errx(2, "%s: %u streams did not end", protocol, batch.running);
	for (unsigned int i = 0; i < count; i++) {
		if (!judge_task(r, &tasks[i], end))
			return false;
	}
	return true;
}

static bool
run_task(struct run *r, const char *protocol, struct task t, enum p2p_end end)
{
	return run_tasks(r, protocol, &t, 1, end);
}

static struct task
echo_of(uint64_t bytes)
{
	return (struct task){.send = bytes, .want = bytes};
}

static struct task
source_of(uint64_t bytes)
{
	struct task t = {.head_left = 8, .want = bytes};

	cserve_put64(t.head, bytes);
	return t;
}

/* --- the checks -------------------------------------------------------- */

static bool
check_identify(struct run *r)
{
	const struct identify *id = r->loop->identify;

	if (!cloop_run(r->loop, &r->link->has_identify, SECONDS))
		return fail(r, "no identify came");
	if (!identify_has_protocol(id, ECHO_PROTOCOL))
		return fail(r, "the echo protocol is not listed");
	if (!id->has_record && !r->options.is_rust)
		return fail(r, "no signed peer record came");
	if (id->addr_count == 0 || !id->has_observed)
		return fail(r, "an address is missing");
	return true;
}

static bool
check_ping(struct run *r)
{
	struct task t = echo_of(10 * PING_BYTES);

	t.step = PING_BYTES;
	return run_task(r, "/ipfs/ping/1.0.0", t, P2P_END_DONE);
}

static bool
check_unknown(struct run *r)
{
	return run_task(
	    r, "/no-such-protocol/1.0.0", echo_of(0), P2P_END_REFUSED);
}

static bool
check_streams(struct run *r)
{
	unsigned int left = r->options.streams;
	struct task tasks[100];

	while (left > 0) {
		unsigned int n = left < 100 ? left : 100;

		for (unsigned int i = 0; i < n; i++)
			tasks[i] = echo_of(1000 + i);
		if (!run_tasks(r, ECHO_PROTOCOL, tasks, n, P2P_END_DONE))
			return false;
		left -= n;
	}
	return true;
}

static bool
check_echo(struct run *r)
{
	return run_task(
	    r, ECHO_PROTOCOL, echo_of(r->options.bytes), P2P_END_DONE);
}

static bool
check_echo8(struct run *r)
{
	struct task tasks[8];

	for (size_t i = 0; i < 8; i++)
		tasks[i] = echo_of(r->options.bytes / 8);
	return run_tasks(r, ECHO_PROTOCOL, tasks, 8, P2P_END_DONE);
}

static bool
check_half_close(struct run *r)
{
	struct task t = echo_of(64 * 1024);

	t.reads_last = true;
	return run_task(r, ECHO_PROTOCOL, echo_of(0), P2P_END_DONE) &&
	       run_task(r, ECHO_PROTOCOL, t, P2P_END_DONE);
}

static bool
check_reset(struct run *r)
{
	for (unsigned int i = 0; i < 20; i++) {
		struct task t = echo_of(4096);

		t.reset_at = 1 + 100 * i;
		if (!run_task(r, ECHO_PROTOCOL, t, P2P_END_LOCAL))
			return false;
	}
	return run_task(r, ECHO_PROTOCOL, echo_of(1024), P2P_END_DONE);
}

static bool
check_discard(struct run *r)
{
	struct task t = {.send = r->options.bytes, .wants_count = true};

	return run_task(r, DISCARD_PROTOCOL, t, P2P_END_DONE);
}

static bool
check_source(struct run *r)
{
	return run_task(
	    r, SOURCE_PROTOCOL, source_of(r->options.bytes), P2P_END_DONE);
}

static bool
check_discard16(struct run *r)
{
	struct task tasks[16];

	for (size_t i = 0; i < 16; i++)
		tasks[i] = (struct task){
		    .send = r->options.bytes / 16, .wants_count = true};
	return run_tasks(r, DISCARD_PROTOCOL, tasks, 16, P2P_END_DONE);
}

static bool
check_source16(struct run *r)
{
	struct task tasks[16];

	for (size_t i = 0; i < 16; i++)
		tasks[i] = source_of(r->options.bytes / 16);
	return run_tasks(r, SOURCE_PROTOCOL, tasks, 16, P2P_END_DONE);
}

/* What perf returns are any bytes: they are only counted. */
static bool
check_perf(struct run *r)
{
	struct task t = source_of(r->options.bytes);

	t.send = r->options.bytes;
	t.is_blind = true;
	return run_task(r, "/perf/1.0.0", t, P2P_END_DONE);
}

/* Nothing but what keeps the connection alive. */
static bool
check_idle(struct run *r)
{
	bool never = false;

	cloop_run(r->loop, &never, r->options.idle_s);
	return run_task(r, ECHO_PROTOCOL, echo_of(1000), P2P_END_DONE);
}

/* What the other side knows about us. */
struct reader {
	char text[4096];
	size_t len;
	bool is_over;
};

static size_t
reader_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	struct reader *reader = p2p_stream_user(s);
	size_t room = sizeof(reader->text) - 1 - reader->len;

	memcpy(reader->text + reader->len, data, len < room ? len : room);
	reader->len += len < room ? len : room;
	return len;
}

static void
reader_closed(struct p2p_stream *s, enum p2p_end end, uint32_t code)
{
	struct reader *reader = p2p_stream_user(s);

	reader->is_over = true;
}

static const struct p2p_stream_handlers reader_handlers = {
    .on_data = reader_data,
    .on_closed = reader_closed,
};

static bool
check_push(struct run *r)
{
	bool never = false;

	if (!cloop_run(r->loop, &r->link->has_identify, SECONDS))
		return fail(r, "no identify came");
	cloop_advertise(r->loop, 4242);
	p2p_conn_push_identify(r->link->conn);
	for (int i = 0; i < 10; i++) {
		struct reader reader = {.len = 0};
		struct p2p_stream *s =
		    p2p_stream_open(r->link->conn, KNOWN_PROTOCOL,
			P2P_CLASS_CONTROL, &reader_handlers, &reader);

		if (s == NULL)
			err(2, "p2p_stream_open");
		p2p_stream_shutdown(s);
		if (!cloop_run(r->loop, &reader.is_over, SECONDS))
			return fail(r, "what is known does not come");
		if (strstr(reader.text, "/tcp/4242\n") != NULL)
			return true;
		cloop_run(r->loop, &never, 1);
	}
	return fail(r, "what was pushed is not known");
}

static const struct check {
	const char *name;
	bool (*run)(struct run *);
} checks[] = {
    {"identify", check_identify},
    {"ping", check_ping},
    {"unknown", check_unknown},
    {"streams", check_streams},
    {"echo", check_echo},
    {"echo8", check_echo8},
    {"halfclose", check_half_close},
    {"reset", check_reset},
    {"discard", check_discard},
    {"source", check_source},
    {"discard16", check_discard16},
    {"source16", check_source16},
    {"push", check_push},
    {"idle", check_idle},
    {"perf", check_perf},
};

/* --- the program ------------------------------------------------------- */

static void
report(const char *name, bool is_ok, const char *error, uint64_t since_ns)
{
	printf("{\"name\": \"%s\", \"ok\": %s, \"error\": \"%s\", "
	       "\"ms\": %.3f}\n",
	    name, is_ok ? "true" : "false", is_ok ? "" : error,
	    (double)(cloop_now_ns() - since_ns) / 1e6);
	fflush(stdout);
}

static bool
run_check(struct run *r, const struct check *check)
{
	uint64_t start = cloop_now_ns();
	bool is_ok = check->run(r);

	if (is_ok && r->link->is_closed)
		is_ok = fail(r, "the connection was lost");
	report(check->name, is_ok, r->error, start);
	return is_ok;
}

static bool
is_asked(const char *name, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(name, argv[i]) == 0)
			return true;
	}
	/* not all listeners have it */
	return argc == 0 && strcmp(name, "perf") != 0;
}

static bool
run_connect(struct run *r, const char *text)
{
	uint64_t start = cloop_now_ns();
	struct multiaddr addr;
	bool is_ok;

	if (multiaddr_parse_text(&addr, text, strlen(text)) != MULTIADDR_OK)
		errx(2, "%s: not an address to dial", text);
	r->link = cloop_dial(r->loop, &addr);
	while (!r->link->is_closed && !r->link->is_established &&
	       cloop_now_ns() < start + SECONDS * 1000000000ull)
		cloop_wait(r->loop);
	is_ok = r->link->is_established && !r->link->is_closed;
	if (!is_ok)
		snprintf(r->error, sizeof(r->error), "%s: %.120s",
		    p2p_reason_name(r->link->reason), r->link->text);
	report("connect", is_ok, r->error, start);
	return is_ok;
}

static bool
dial(struct cloop *loop, const struct options *options, int argc, char **argv)
{
	struct run r = {.loop = loop, .options = *options};
	bool is_ok;

	if (argc < 1)
		errx(2, "a multiaddress is needed");
	is_ok = run_connect(&r, argv[0]);
	for (size_t i = 0; r.link->is_established && !r.link->is_closed &&
			   i < sizeof(checks) / sizeof(checks[0]);
	     i++) {
		if (is_asked(checks[i].name, argc - 1, argv + 1))
			is_ok = run_check(&r, &checks[i]) && is_ok;
	}
	if (r.link->conn != NULL) {
		p2p_conn_close(r.link->conn, 0, "done");
		cloop_run(loop, &r.link->is_closed, 2);
	}
	return is_ok;
}

static void
serve(struct cloop *loop)
{
	char id[PEER_ID_TEXT_SIZE];
	bool never = false;
	uint16_t port = cloop_listen(loop);

	cloop_advertise(loop, port);
	peer_id_format(p2p_host_peer_id(loop->host), id);
	printf("/ip4/127.0.0.1/tcp/%u/p2p/%s\n", port, id);
	fflush(stdout);
	cloop_watch_stdin(loop);
	while (!loop->is_over)
		cloop_run(loop, &never, 60);
}

/* Takes what comes and says nothing. */
static size_t
quiet_data(struct p2p_stream *s, const uint8_t *data, size_t len)
{
	return len;
}

static const struct p2p_stream_handlers quiet_handlers = {
    .on_data = quiet_data,
};

int
main(int argc, char **argv)
{
	struct options options = {.bytes = 4096 * 1024, .streams = 50};
	const char *mode = argc > 1 ? argv[1] : "";
	const char *seed = NULL, *protocol = NULL;
	static struct cloop loop;
	static struct identify identify;
	bool is_ok = true;
	int ch;

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (strcmp(mode, "listen") != 0 && strcmp(mode, "dial") != 0)
		errx(2, "usage: cpeer listen|dial [-s SEED] [-k KIB] "
			"[-n STREAMS] [-i IDLE_S] [-j] [-r] "
			"[-p PROTOCOL] [MULTIADDR [CHECK ...]]");
	argc--;
	argv++;
	while ((ch = getopt(argc, argv, "s:k:n:i:jrp:")) != -1) {
		if (ch == 's')
			seed = optarg;
		else if (ch == 'k')
			options.bytes = strtoull(optarg, NULL, 10) * 1024;
		else if (ch == 'i')
			options.idle_s =
			    (unsigned int)strtoul(optarg, NULL, 10);
		else if (ch == 'p')
			protocol = optarg;
		else if (ch == 'j')
			options.is_js = true;
		else if (ch == 'r')
			options.is_rust = true;
		else if (ch == 'n')
			options.streams =
			    (unsigned int)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	cloop_init(&loop, seed);
	loop.identify = &identify;
	cserve(loop.host);
	if (protocol != NULL)
		p2p_host_serve(loop.host, protocol, P2P_CLASS_CONTROL, 4,
		    &quiet_handlers, NULL);
	if (strcmp(mode, "listen") == 0)
		serve(&loop);
	else
		is_ok = dial(&loop, &options, argc - optind, argv + optind);
	cloop_clear(&loop);
	return is_ok ? 0 : 1;
}
