/* SPDX-License-Identifier: ISC */
/*
 * hostile does one wrong thing to a libp2p listener, and says how it ended:
 *
 *	hostile PORT ATTACK [SECONDS [ADDRESS]]
 *
 * prints "closed PORT" if the other side ended the connection within that time
 * (20 s), else "open PORT", PORT being ours, at ADDRESS (127.0.0.1). It speaks
 * TLS by OpenSSL and writes every other byte itself, so nothing of what is
 * tested helps it. "hostile list" prints the names of the attacks.
 *
 *	hostile listen PORT ATTACK
 *
 * does it to whoever dials it, the peer whose seed is 00 01 .. 1f, and prints
 * the seconds since its start for each; until it is killed.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/hostile/attack.h"

static const struct attack *
find(const char *name)
{
	const struct attack *attack = attack_find(name);

	if (attack == NULL)
		errx(2, "%s: no such attack", name);
	return attack;
}

/* --- being dialled ---------------------------------------------------- */

static void
listen_for(struct attacker a, const struct attack *attack)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_port = htons(a.port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	double start_s = attacker_now_s();

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(fd, 16) != 0)
		err(2, "listen");
	a.is_listener = true;
	puts("listening");
	for (;;) {
		fflush(stdout);
		a.fd = accept(fd, NULL, NULL);
		if (a.fd < 0)
			err(2, "accept");
		printf("%.3f\n", attacker_now_s() - start_s);
		attacker_set_timeouts(&a);
		a.ssl = NULL;
		a.is_closed = false;
		a.until_s = attacker_now_s() + 20;
		attack->run(&a);
		attacker_wait(&a);
		attacker_end(&a);
	}
}

int
main(int argc, char **argv)
{
	struct attacker a = {.fd = -1};
	const struct attack *attack;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		attack_list();
		return 0;
	}
	if (argc < 3)
		errx(2, "usage: hostile PORT ATTACK [SECONDS [ADDRESS]] | "
			"listen PORT ATTACK | list");
	a.target.s_addr = htonl(INADDR_LOOPBACK);
	a.address = a.target;
	if (strcmp(argv[1], "listen") == 0 && argc == 4) {
		a.port = (uint16_t)atoi(argv[2]);
		listen_for(a, find(argv[3]));
	}
	attack = find(argv[2]);
	a.port = (uint16_t)atoi(argv[1]);
	a.until_s = attacker_now_s() + (argc > 3 ? atoi(argv[3]) : 20);
	if (argc > 4 && inet_pton(AF_INET, argv[4], &a.address) != 1)
		errx(2, "%s: not an address", argv[4]);
	if (!attacker_dial(&a))
		err(2, "connect");
	getsockname(a.fd, (struct sockaddr *)&sin, &len);
	attack->run(&a);
	attacker_wait(&a);
	printf("%s %u\n", a.is_closed ? "closed" : "open", ntohs(sin.sin_port));
	return 0;
}
