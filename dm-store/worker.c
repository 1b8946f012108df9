/* SPDX-License-Identifier: ISC */
#include "dm-store/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xevent.h"

/* Jobs stay where they are: first those that are handed back, then those that
 * are done, then those that wait. The numbers only grow. */
struct worker {
	const struct worker_kind *kind;
	pthread_t thread;
	int event_fd; /* written by the thread when there is news */
	struct event *event;
	void (*done)(void *, void *);
	void *ctx;
	uint8_t *taken;	      /* the one that is being handed back */
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t asked;
	bool is_over;
	uint64_t n_asked, n_done, n_taken;
	uint8_t jobs[];
};

static void *
job_at(struct worker *w, uint64_t number)
{
	return w->jobs + number % w->kind->jobs_max * w->kind->job_size;
}

/* --- the thread ----------------------------------------------------------- */

/* The next one, which stays where it is while it is worked on: the loop looks
 * at it again when it is done. NULL at the end. */
static void *
wait_for_job(struct worker *w)
{
	void *job;

	pthread_mutex_lock(&w->lock);
	while (!w->is_over && w->n_done == w->n_asked)
		pthread_cond_wait(&w->asked, &w->lock);
	job = w->is_over ? NULL : job_at(w, w->n_done);
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void
finish_job(struct worker *w)
{
	const uint64_t one = 1;
	bool is_news;

	pthread_mutex_lock(&w->lock);
	is_news = w->n_done++ == w->n_taken;
	pthread_mutex_unlock(&w->lock);
	/* the loop takes all there is: told once, it need not be told again */
	if (is_news && write(w->event_fd, &one, sizeof(one)) == -1)
		fatal("cannot use an eventfd: %s", strerror(errno));
}

static void *
run(void *arg)
{
	struct worker *w = arg;
	void *job, *state = w->kind->begin != NULL ? w->kind->begin() : NULL;

	while ((job = wait_for_job(w)) != NULL) {
		w->kind->work(state, job);
		finish_job(w);
	}
	if (w->kind->end != NULL)
		w->kind->end(state);
	return NULL;
}

/* --- life ----------------------------------------------------------------- */

static void
start(struct worker *w)
{
	sigset_t every, before;
	int rc;

	/* signals are for the loop's thread */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		fatal("cannot start a thread: %s", strerror(rc));
}

struct worker *
worker_new(const struct worker_kind *kind)
{
	struct worker *w =
	    xcalloc(1, sizeof(*w) + kind->jobs_max * kind->job_size);

	w->kind = kind;
	w->taken = xmalloc(kind->job_size);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->asked, NULL);
	w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->event_fd == -1)
		fatal("cannot use an eventfd: %s", strerror(errno));
	start(w);
	return w;
}

void
worker_free(struct worker *w, void (*drop)(void *job))
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->is_over = true;
	pthread_cond_signal(&w->asked);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	for (; drop != NULL && w->n_taken < w->n_asked; w->n_taken++)
		drop(job_at(w, w->n_taken));
	pthread_cond_destroy(&w->asked);
	pthread_mutex_destroy(&w->lock);
	close(w->event_fd);
	if (w->event != NULL)
		event_free(w->event);
	free(w->taken);
	free(w);
}

/* --- the loop ------------------------------------------------------------- */

/* A copy of the next that is done; false if there is none. */
static bool
take(struct worker *w)
{
	bool has_one;

	pthread_mutex_lock(&w->lock);
	has_one = w->n_taken < w->n_done;
	if (has_one)
		memcpy(w->taken, job_at(w, w->n_taken++), w->kind->job_size);
	pthread_mutex_unlock(&w->lock);
	return has_one;
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t count;

	/* the counter first, so that none is missed */
	if (read(fd, &count, sizeof(count)) == -1 && errno != EAGAIN)
		fatal("cannot use an eventfd: %s", strerror(errno));
	while (take(w))
		w->done(w->ctx, w->taken);
}

void
worker_listen(struct worker *w, struct event_base *base,
    void (*done)(void *ctx, void *job), void *ctx)
{
	w->done = done;
	w->ctx = ctx;
	w->event = xevent(base, w->event_fd, EV_READ | EV_PERSIST, on_news, w);
	xevent_add(w->event, NULL);
}

bool
worker_ask(struct worker *w, const void *job, size_t limit)
{
	bool has_room;

	pthread_mutex_lock(&w->lock);
	has_room = w->n_asked - w->n_taken < limit;
	if (has_room) {
		memcpy(job_at(w, w->n_asked++), job, w->kind->job_size);
		pthread_cond_signal(&w->asked);
	}
	pthread_mutex_unlock(&w->lock);
	return has_room;
}

bool
worker_is_idle(const struct worker *w)
{
	/* both counts are written by the loop's side alone */
	return w->n_asked == w->n_taken;
}
