/* SPDX-License-Identifier: ISC */
#include "dmctl/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "dmctl/time_text.h"

/* One question, shared with the thread that asks it. */
struct question {
	char *host; /* NULL: this machine */
	char *port;
	struct addrinfo *list;
	int code;
	int error;   /* errno of EAI_SYSTEM */
	int done[2]; /* a pipe: closed at its writing end when all is set */
};

static void
question_free(struct question *q)
{
	close(q->done[0]);
	free(q->host);
	free(q->port);
	free(q);
}

static void *
ask(void *arg)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
	struct question *q = arg;

	q->code = getaddrinfo(q->host, q->port, &hints, &q->list);
	q->error = errno;
	close(q->done[1]);
	return NULL;
}

static bool
is_answered(const struct question *q, uint64_t deadline_mono_ns)
{
	struct pollfd p = {q->done[0], POLLIN, 0};
	int n;

	do
		n = poll(&p, 1, time_left_ms(deadline_mono_ns));
	while (n == -1 && errno == EINTR);
	return n > 0;
}

int
lookup(const char *host, const char *port, uint64_t deadline_mono_ns,
    struct addrinfo **list)
{
	struct question *q = xcalloc(1, sizeof(*q));
	pthread_t thread;
	int code, error;

	q->host = host != NULL ? xstrdup(host) : NULL;
	q->port = xstrdup(port);
	if (pipe2(q->done, O_CLOEXEC) == -1)
		fatal("cannot make a pipe: %s", strerror(errno));
	error = pthread_create(&thread, NULL, ask, q);
	if (error != 0) {
		close(q->done[1]);
		question_free(q);
		errno = error;
		return EAI_SYSTEM;
	}
	if (!is_answered(q, deadline_mono_ns)) {
		/* the thread cannot be stopped: its memory stays until the exit
		 */
		pthread_detach(thread);
		errno = ETIMEDOUT;
		return EAI_SYSTEM;
	}
	pthread_join(thread, NULL);
	*list = q->list;
	code = q->code;
	error = q->error;
	question_free(q);
	errno = error;
	return code;
}
