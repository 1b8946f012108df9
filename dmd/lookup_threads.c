/* SPDX-License-Identifier: ISC */
#include "dmd/lookup_threads.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/log.h"

struct job {
	STAILQ_ENTRY(job) next;
	struct lookup lookup;
};

STAILQ_HEAD(jobs, job);

struct lookup_threads {
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t asked;
	struct jobs todo;
	struct jobs done;
	size_t n;
	int event_fd;
};

bool
lookup_threads_host_is_valid(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._";
	size_t len = strlen(host);

	return len > 0 && len <= LOOKUP_HOST_MAX && host[0] != '-' &&
	       host[0] != '.' && strspn(host, allowed) == len;
}

/* Also drops duplicates (hosts files have them). */
static void
address_add(struct lookup *l, uint8_t family, const void *bytes, size_t len)
{
	uint8_t one[LOOKUP_ADDRESS_SIZE] = {family};

	memcpy(one + 1, bytes, len);
	for (size_t at = 0; at < l->addresses_len; at += sizeof(one))
		if (memcmp(l->addresses + at, one, sizeof(one)) == 0)
			return;
	if (l->addresses_len + sizeof(one) > sizeof(l->addresses))
		return;
	memcpy(l->addresses + l->addresses_len, one, sizeof(one));
	l->addresses_len += sizeof(one);
}

static void
lookup_do(struct lookup *l)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	    .ai_family = l->family == 4	  ? AF_INET
			 : l->family == 6 ? AF_INET6
					  : AF_UNSPEC};
	const struct addrinfo *ai;
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(l->host, NULL, &hints, &list);

	if (rc != 0) {
		snprintf(l->error, sizeof(l->error), "%s",
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
		return;
	}
	for (ai = list; ai != NULL; ai = ai->ai_next) {
		if (ai->ai_family == AF_INET)
			address_add(l, 4,
			    &((struct sockaddr_in *)ai->ai_addr)->sin_addr, 4);
		else if (ai->ai_family == AF_INET6)
			address_add(l, 6,
			    &((struct sockaddr_in6 *)ai->ai_addr)->sin6_addr,
			    16);
	}
	freeaddrinfo(list);
	if (l->addresses_len == 0)
		snprintf(l->error, sizeof(l->error), "no address");
}

static void *
worker(void *arg)
{
	struct lookup_threads *all = arg;
	const uint64_t one = 1;
	struct job *job;

	for (;;) {
		pthread_mutex_lock(&all->lock);
		while ((job = STAILQ_FIRST(&all->todo)) == NULL)
			pthread_cond_wait(&all->asked, &all->lock);
		STAILQ_REMOVE_HEAD(&all->todo, next);
		pthread_mutex_unlock(&all->lock);
		lookup_do(&job->lookup);
		pthread_mutex_lock(&all->lock);
		STAILQ_INSERT_TAIL(&all->done, job, next);
		pthread_mutex_unlock(&all->lock);
		if (write(all->event_fd, &one, sizeof(one)) == -1)
			fatal("eventfd: %s", strerror(errno));
	}
	return NULL;
}

struct lookup_threads *
lookup_threads_new(void)
{
	struct lookup_threads *all = xcalloc(1, sizeof(*all));
	sigset_t every, before;
	pthread_t thread;
	int rc = 0;

	STAILQ_INIT(&all->todo);
	STAILQ_INIT(&all->done);
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->asked, NULL);
	all->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->event_fd == -1)
		fatal("eventfd: %s", strerror(errno));
	/* signals are for the loop's thread */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	for (int i = 0; i < LOOKUP_THREADS && rc == 0; i++) {
		rc = pthread_create(&thread, NULL, worker, all);
		if (rc == 0)
			pthread_detach(thread);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		fatal("cannot start a thread: %s", strerror(rc));
	return all;
}

int
lookup_threads_fd(const struct lookup_threads *all)
{
	return all->event_fd;
}

bool
lookup_threads_ask(struct lookup_threads *all, const struct lookup *what)
{
	struct job *job;
	bool has_room;

	pthread_mutex_lock(&all->lock);
	has_room = all->n < LOOKUPS_MAX;
	if (has_room) {
		job = xcalloc(1, sizeof(*job));
		job->lookup = *what;
		job->lookup.error[0] = '\0';
		job->lookup.addresses_len = 0;
		STAILQ_INSERT_TAIL(&all->todo, job, next);
		all->n++;
		pthread_cond_signal(&all->asked);
	}
	pthread_mutex_unlock(&all->lock);
	return has_room;
}

bool
lookup_threads_take(struct lookup_threads *all, struct lookup *out)
{
	struct job *job;
	uint64_t count;

	/* empties the counter first, so that none is missed */
	if (read(all->event_fd, &count, sizeof(count)) == -1 && errno != EAGAIN)
		fatal("eventfd: %s", strerror(errno));
	pthread_mutex_lock(&all->lock);
	job = STAILQ_FIRST(&all->done);
	if (job != NULL) {
		STAILQ_REMOVE_HEAD(&all->done, next);
		all->n--;
	}
	pthread_mutex_unlock(&all->lock);
	if (job == NULL)
		return false;
	*out = job->lookup;
	free(job);
	return true;
}
