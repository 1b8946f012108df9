/* SPDX-License-Identifier: ISC */
/*
 * The load of `make bench`: signs, uploads over HTTP/1.1 and watches files
 * appear. Prints numbers, one a line, for bench.py.
 *
 *   load spread PORT KEY NAME SIZE RUNS DIR...   ms from the first byte sent
 *       until NAME is visible in every DIR, one line a run
 *   load uploads PORT KEY PREFIX COUNT CONNS SIZE [NOW]   uploads a second of
 *       COUNT files signed beforehand, over CONNS connections
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/entry.h"
#include "common/keys/keys.h"
#include "common/log.h"
#include "common/keys/sshsig.h"

#define HEAD_MAX 1024
/* Larger content is this over and over: it is not to cost a client memory. */
#define BLOCK_MAX (1u << 20)

static uint64_t
now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int
dial(const char *port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(port)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd == -1 || connect(fd, (void *)&sin, sizeof(sin)) == -1)
		fatal("127.0.0.1:%s: %s", port, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
sign(struct entry *e, const struct key_pair *key)
{
	char text[TEXT_LEN_MAX];
	uint8_t signed_bytes[SSHSIG_SIGNED_MAX];
	size_t n;

	memcpy(e->signer, key->public_key, 32);
	n = sshsig_signed_bytes(text, entry_text(e, text), signed_bytes);
	key_sign(key, signed_bytes, n, e->signature);
}

static size_t
block_of(size_t left)
{
	return left < BLOCK_MAX ? left : BLOCK_MAX;
}

static void
hash(const uint8_t *block, size_t size, uint8_t sha256[static 32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	for (size_t left = size; left > 0; left -= block_of(left))
		EVP_DigestUpdate(ctx, block, block_of(left));
	EVP_DigestFinal_ex(ctx, sha256, NULL);
	EVP_MD_CTX_free(ctx);
}

/* The head of a PUT of so many bytes, signed now. */
static size_t
make_head(char head[static HEAD_MAX], const char *name, const uint8_t *block,
    size_t size, const struct key_pair *key)
{
	struct entry e = {.kind = ENTRY_FILE, .size = size};
	char signer[64], signature[128], sum[65];
	int n;

	snprintf(e.name, sizeof(e.name), "%s", name);
	e.signed_at_ns = now_ns(CLOCK_REALTIME);
	hash(block, size, e.sha256);
	sign(&e, key);
	base64_encode(e.signer, 32, signer);
	base64_encode(e.signature, 64, signature);
	for (int i = 0; i < 32; i++)
		sprintf(sum + 2 * i, "%02x", e.sha256[i]);
	n = snprintf(head, HEAD_MAX,
	    "PUT /files/%s HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Length: %zu\r\nX-Signedat: %llu.%09llu\r\n"
	    "X-Signedby: %s\r\nX-Signature: %s\r\nX-Sha256: %s\r\n\r\n",
	    name, size, (unsigned long long)(e.signed_at_ns / 1000000000u),
	    (unsigned long long)(e.signed_at_ns % 1000000000u), signer,
	    signature, sum);
	return (size_t)n;
}

static void
send_all(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			fatal("send: %s", strerror(errno));
	}
}

/* One whole answer (head and its body) from buf; its length, 0 for more. */
static size_t
answer_len(char *buf, size_t len, int *status)
{
	char *end, *field;
	size_t body = 0;

	buf[len] = '\0';
	end = strstr(buf, "\r\n\r\n");
	if (end == NULL)
		return 0;
	*status = atoi(buf + 9);
	field = strcasestr(buf, "content-length:");
	if (field != NULL && field < end)
		body = strtoul(field + 15, NULL, 10);
	body += (size_t)(end - buf) + 4;
	return body <= len ? body : 0;
}

static int
read_answer(int fd)
{
	char buf[8192];
	size_t len = 0;
	ssize_t n;
	int status;

	while (len < sizeof(buf) - 1) {
		n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0);
		if (n <= 0)
			fatal("the node closed the connection");
		len += (size_t)n;
		if (answer_len(buf, len, &status) > 0)
			return status;
	}
	fatal("an answer without end");
}

/* --- spread ----------------------------------------------------------- */

static void
wait_visible(int in, const char *name, unsigned missing)
{
	char buf[8192] __attribute__((aligned(8)));
	const struct inotify_event *e;
	struct pollfd pfd = {.fd = in, .events = POLLIN};
	ssize_t n;

	while (missing > 0) {
		if (poll(&pfd, 1, 60000) != 1)
			fatal("%s did not spread in a minute", name);
		n = read(in, buf, sizeof(buf));
		for (ssize_t at = 0; at < n;
		     at += (ssize_t)(sizeof(*e) + e->len)) {
			e = (const void *)(buf + at);
			if (e->len > 0 && strcmp(e->name, name) == 0)
				missing--;
		}
	}
}

static int
spread(int argc, char **argv, const struct key_pair *key)
{
	const char *name = argv[4];
	size_t size = strtoul(argv[5], NULL, 10);
	int runs = atoi(argv[6]), fd;
	int in = inotify_init1(IN_CLOEXEC);
	size_t block = block_of(size);
	uint8_t *body = xcalloc(1, block + 1);
	char head[HEAD_MAX];
	uint64_t start;
	size_t n;

	for (int i = 7; i < argc; i++)
		if (inotify_add_watch(in, argv[i], IN_MOVED_TO) == -1)
			fatal("%s: %s", argv[i], strerror(errno));
	for (int run = 0; run < runs; run++) {
		memset(body, 'a' + run % 26, block);
		snprintf((char *)body, block, "%d %llu", run,
		    (unsigned long long)now_ns(CLOCK_REALTIME));
		n = make_head(head, name, body, size, key);
		/* not before: a node does not wait for a head forever */
		fd = dial(argv[2]);
		start = now_ns(CLOCK_MONOTONIC);
		send_all(fd, head, n);
		for (size_t left = size; left > 0; left -= block_of(left))
			send_all(fd, body, block_of(left));
		wait_visible(in, name, (unsigned)(argc - 7));
		printf(
		    "%.3f\n", (double)(now_ns(CLOCK_MONOTONIC) - start) / 1e6);
		fflush(stdout);
		if (read_answer(fd) / 100 != 2)
			fatal("the upload was refused");
		close(fd);
	}
	free(body);
	return 0;
}

/* --- uploads ---------------------------------------------------------- */

struct conn {
	int fd;
	char buf[8192];
	size_t len;
};

static int
uploads(char **argv, const struct key_pair *key)
{
	size_t count = strtoul(argv[5], NULL, 10);
	size_t conns = strtoul(argv[6], NULL, 10);
	size_t size = strtoul(argv[7], NULL, 10);
	size_t cap = HEAD_MAX + size, next = 0, done = 0, n;
	uint8_t *requests = xmalloc(count * cap), *body = xcalloc(1, size + 1);
	size_t *lens = xcalloc(count, sizeof(*lens));
	struct conn *list = xcalloc(conns, sizeof(*list));
	struct pollfd *pfds = xcalloc(conns, sizeof(*pfds));
	char name[128];
	uint64_t start;
	int status;

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/f%zu", argv[4], i);
		snprintf((char *)body, size, "%zu %llu", i,
		    (unsigned long long)now_ns(CLOCK_REALTIME));
		n = make_head(
		    (char *)requests + i * cap, name, body, size, key);
		memcpy(requests + i * cap + n, body, size);
		lens[i] = n + size;
	}
	for (size_t i = 0; i < conns; i++) {
		list[i].fd = pfds[i].fd = dial(argv[2]);
		pfds[i].events = POLLIN;
	}
	start = now_ns(CLOCK_MONOTONIC);
	for (size_t i = 0; i < conns && next < count; i++, next++)
		send_all(list[i].fd, requests + next * cap, lens[next]);
	while (done < count) {
		if (poll(pfds, conns, 60000) <= 0)
			fatal("no answer in a minute");
		for (size_t i = 0; i < conns; i++) {
			struct conn *c = &list[i];
			ssize_t got;

			if (!(pfds[i].revents & (POLLIN | POLLHUP)))
				continue;
			got = recv(c->fd, c->buf + c->len,
			    sizeof(c->buf) - 1 - c->len, 0);
			if (got <= 0)
				fatal("the node closed a connection");
			c->len += (size_t)got;
			if (answer_len(c->buf, c->len, &status) == 0)
				continue;
			if (status / 100 != 2)
				fatal("refused: %s", c->buf);
			c->len = 0;
			done++;
			if (next < count) {
				send_all(
				    c->fd, requests + next * cap, lens[next]);
				next++;
			}
		}
	}
	printf("%.1f\n",
	    (double)count * 1e9 / (double)(now_ns(CLOCK_MONOTONIC) - start));
	return 0;
}

int
main(int argc, char **argv)
{
	struct key_pair key;

	log_init("load");
	if (argc < 8)
		fatal("see the head of load.c");
	if (key_read_private(argv[3], &key) != KEY_OK)
		fatal("%s: no private key", argv[3]);
	if (strcmp(argv[1], "spread") == 0)
		return spread(argc, argv, &key);
	return uploads(argv, &key);
}
