/* SPDX-License-Identifier: ISC */
#include "dm-store/verify.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/ask.h"
#include "dm-store/put.h"

/* Jobs stay where they are: first those that are taken, then those that are
 * done, then those that wait. The numbers only grow. */
struct verifier {
	pthread_t thread;
	bool has_thread;
	int event_fd; /* written by the thread when there is news */
	struct event *event;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t asked;
	bool is_over;
	uint64_t n_asked, n_done, n_taken;
	struct verify_job job[VERIFY_JOBS_MAX];
};

/* --- the thread ----------------------------------------------------------- */

/* A copy of the next one; false at the end. */
static bool
wait_for_job(struct verifier *v, struct verify_job *out)
{
	bool has_one;

	pthread_mutex_lock(&v->lock);
	while (!v->is_over && v->n_done == v->n_asked)
		pthread_cond_wait(&v->asked, &v->lock);
	has_one = !v->is_over;
	if (has_one)
		*out = v->job[v->n_done % VERIFY_JOBS_MAX];
	pthread_mutex_unlock(&v->lock);
	return has_one;
}

static void
finish_job(struct verifier *v, bool is_good)
{
	const uint64_t one = 1;
	bool is_news;

	pthread_mutex_lock(&v->lock);
	v->job[v->n_done % VERIFY_JOBS_MAX].is_good = is_good;
	is_news = v->n_done++ == v->n_taken;
	pthread_mutex_unlock(&v->lock);
	/* the loop takes all there is: told once, it need not be told again */
	if (is_news && write(v->event_fd, &one, sizeof(one)) == -1)
		fatal("eventfd: %s", strerror(errno));
}

static void *
run(void *arg)
{
	struct verifier *v = arg;
	struct verify_job job;

	while (wait_for_job(v, &job))
		finish_job(v, entry_verify(&job.entry));
	return NULL;
}

/* --- life ----------------------------------------------------------------- */

static bool
has_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == -1 ||
	       CPU_COUNT(&set) > 1;
}

struct verifier *
verifier_new(bool has_thread)
{
	struct verifier *v = xcalloc(1, sizeof(*v));
	sigset_t every, before;
	int rc;

	v->event_fd = -1;
	v->has_thread = has_thread && has_processors();
	if (!v->has_thread)
		return v;
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->asked, NULL);
	v->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->event_fd == -1)
		fatal("eventfd: %s", strerror(errno));
	/* signals are for the loop's thread */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	rc = pthread_create(&v->thread, NULL, run, v);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		fatal("cannot start a thread: %s", strerror(rc));
	return v;
}

void
verifier_free(struct verifier *v)
{
	if (v == NULL)
		return;
	if (v->has_thread) {
		pthread_mutex_lock(&v->lock);
		v->is_over = true;
		pthread_cond_signal(&v->asked);
		pthread_mutex_unlock(&v->lock);
		pthread_join(v->thread, NULL);
		pthread_cond_destroy(&v->asked);
		pthread_mutex_destroy(&v->lock);
		close(v->event_fd);
	}
	if (v->event != NULL)
		event_free(v->event);
	free(v);
}

/* --- the loop ------------------------------------------------------------- */

static void
tell(struct store *s, const struct verify_job *job)
{
	switch (job->who) {
	case VERIFY_PUT:
		put_on_verified(s, job);
		break;
	case VERIFY_JUDGE:
		ask_on_verified(s, job);
		break;
	}
}

/* A copy of the next outcome; false if there is none. */
static bool
take(struct verifier *v, struct verify_job *out)
{
	bool has_one;

	pthread_mutex_lock(&v->lock);
	has_one = v->n_taken < v->n_done;
	if (has_one)
		*out = v->job[v->n_taken++ % VERIFY_JOBS_MAX];
	pthread_mutex_unlock(&v->lock);
	return has_one;
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct store *s = arg;
	struct verify_job job;
	uint64_t count;

	(void)what;
	/* the counter first, so that none is missed */
	if (read(fd, &count, sizeof(count)) == -1 && errno != EAGAIN)
		fatal("eventfd: %s", strerror(errno));
	while (take(s->verifier, &job))
		tell(s, &job);
}

void
verify_listen(struct store *s)
{
	struct verifier *v = s->verifier;

	if (v->event_fd == -1)
		return;
	v->event =
	    event_new(s->base, v->event_fd, EV_READ | EV_PERSIST, on_news, s);
	if (v->event == NULL || event_add(v->event, NULL) == -1)
		fatal("an event could not be made");
}

bool
verify_ask(struct store *s, const struct verify_job *job, bool is_alone)
{
	struct verifier *v = s->verifier;
	struct verify_job now;
	bool has_room;

	/* both counts are written by this side alone */
	if (!v->has_thread || (is_alone && v->n_asked == v->n_taken)) {
		now = *job;
		now.is_good = entry_verify(&now.entry);
		tell(s, &now);
		return true;
	}
	pthread_mutex_lock(&v->lock);
	has_room = v->n_asked - v->n_taken < VERIFY_JOBS_MAX;
	if (has_room) {
		v->job[v->n_asked++ % VERIFY_JOBS_MAX] = *job;
		pthread_cond_signal(&v->asked);
	}
	pthread_mutex_unlock(&v->lock);
	return has_room;
}
