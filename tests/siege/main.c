/* SPDX-License-Identifier: ISC */
/*
 * foe keeps an attack up against a node:
 *
 *	foe ATTACK MULTIADDR [-s SECONDS] [-n IDENTITIES] [-a ADDRESS]
 *	    [-m SOURCES] [-r BYTES_A_SECOND] [-- WORD ...]
 *
 * from SOURCES addresses, the first of which is ADDRESS, for so long or until
 * SIGTERM. It prints "started", and "working" once there is a connection, and
 *at the end what it counted as an object of JSON. siege.py runs it and takes
 *the time of its processors from the system.
 */
#include <arpa/inet.h>
#include <err.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/interop/cloop.h"
#include "tests/siege/foe.h"

/* An attack may end so much later than it was told to. */
#define LATE_NS 2000000000u

static struct foe_tally *tally;

static const struct foe_attack *const tables[] = {
    foe_sockets, foe_sayings, foe_contents, foe_records};

static void
usage(void)
{
	fputs(
	    "usage: foe ATTACK MULTIADDR [-s seconds] [-n identities]\n"
	    "    [-a address] [-m sources] [-r bytes a second] [-- word ...]\n"
	    "attacks, and their words:\n",
	    stderr);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct foe_attack *a = tables[i]; a->name != NULL;
		     a++)
			fprintf(stderr, "    %s %s\n", a->name, a->words);
	exit(2);
}

static const struct foe_attack *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct foe_attack *a = tables[i]; a->name != NULL;
		     a++)
			if (strcmp(a->name, name) == 0)
				return a;
	usage();
	return NULL;
}

bool
foe_is_over(const struct foe *foe)
{
	return foe->tally->is_over || cloop_now_ns() >= foe->until_ns;
}

const char *
foe_word(const struct foe *foe, unsigned int i)
{
	for (unsigned int k = 0; k <= i; k++)
		if (foe->order->words[k] == NULL)
			usage();
	return foe->order->words[i];
}

struct in_addr
foe_target(const struct foe *foe)
{
	struct in_addr out;

	memcpy(&out, foe->order->target.ip, sizeof(out));
	return out;
}

void
foe_hex(uint8_t *out, size_t len, const char *hex)
{
	if (strlen(hex) != 2 * len)
		errx(2, "%s: not %zu bytes", hex, len);
	for (size_t i = 0; i < len; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &out[i]) != 1)
			errx(2, "%s: not hexadecimal", hex);
}

static void
read_target(struct foe_order *order, const char *text)
{
	struct multiaddr_raw raw;

	if (multiaddr_from_text(&raw, text, strlen(text)) != MULTIADDR_OK ||
	    multiaddr_parse(&order->target, &raw) != MULTIADDR_OK ||
	    order->target.host != MULTIADDR_IP4)
		errx(2, "%s: not a multiaddress of IPv4", text);
}

static void
read_order(struct foe_order *order, int argc, char **argv)
{
	int c;

	*order = (struct foe_order){.sources = 1, .peers = 1, .seconds = 5};
	order->source.s_addr = htonl(INADDR_LOOPBACK);
	while ((c = getopt(argc, argv, "s:n:a:m:r:")) != -1) {
		if (c == 's')
			order->seconds = atof(optarg);
		else if (c == 'n')
			order->peers = (unsigned int)atoi(optarg);
		else if (c == 'm')
			order->sources = (unsigned int)atoi(optarg);
		else if (c == 'r')
			order->rate = (unsigned int)atoi(optarg);
		else if (c != 'a' ||
			 inet_pton(AF_INET, optarg, &order->source) != 1)
			usage();
	}
	if (order->sources == 0)
		usage();
	order->words = argv + optind;
}

static void
run_one(const struct foe_attack *attack, struct foe foe, unsigned int number)
{
	foe.number = number;
	foe.source.s_addr = htonl(
	    ntohl(foe.order->source.s_addr) + number % foe.order->sources);
	attack->run(&foe);
}

/* The identities; they end with us, whichever way that is. */
static pid_t *
fork_all(const struct foe_attack *attack, const struct foe *foe)
{
	pid_t *pids = calloc(foe->order->peers, sizeof(*pids)),
	      parent = getpid();

	for (unsigned int i = 0; pids != NULL && i < foe->order->peers; i++) {
		pids[i] = fork();
		if (pids[i] == -1)
			err(2, "fork");
		if (pids[i] != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			run_one(attack, *foe, i);
		_exit(0);
	}
	return pids;
}

static void
on_stop(int number)
{
	tally->is_over = true;
}

/* So that nobody measures before there is something to measure. */
static void
tell_of_work(void)
{
	static bool is_told;

	if (is_told || tally->connections == 0)
		return;
	is_told = true;
	puts("working");
	fflush(stdout);
}

/* Waits for all; those that are late are ended. */
static void
wait_all(const pid_t *pids, const struct foe *foe)
{
	uint64_t end_ns = foe->until_ns + LATE_NS;
	bool is_told = false;

	for (unsigned int i = 0; i < foe->order->peers; i++) {
		while (waitpid(pids[i], NULL, WNOHANG) == 0) {
			tell_of_work();
			if (tally->is_over && !is_told)
				end_ns = cloop_now_ns() + LATE_NS;
			is_told = tally->is_over;
			if (cloop_now_ns() > end_ns)
				kill(pids[i], SIGKILL);
			nanosleep(&(struct timespec){0, 10000000}, NULL);
		}
	}
}

int
main(int argc, char **argv)
{
	const struct foe_attack *attack;
	struct foe_order order;
	struct foe foe = {.order = &order};
	pid_t *pids;

	if (argc < 3)
		usage();
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	signal(SIGPIPE, SIG_IGN);
	attack = find(argv[1]);
	read_order(&order, argc - 2, argv + 2);
	read_target(&order, argv[2]);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		err(2, "mmap");
	foe.tally = tally;
	signal(SIGTERM, on_stop);
	foe.until_ns = cloop_now_ns() + (uint64_t)(order.seconds * 1e9);
	puts("started");
	fflush(stdout);
	pids = fork_all(attack, &foe);
	wait_all(pids, &foe);
	free(pids);
	printf("{\"sent\": %lu, \"received\": %lu, \"connections\": %lu, "
	       "\"greeted\": %lu, \"ended\": %lu, \"done\": %lu}\n",
	    tally->sent, tally->received, tally->connections, tally->greeted,
	    tally->ended, tally->done);
	return 0;
}
