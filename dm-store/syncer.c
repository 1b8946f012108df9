/* SPDX-License-Identifier: ISC */
#include "dm-store/syncer.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/disk.h"
#include "dm-store/put.h"

struct sync_job {
	int fd;		 /* the job's own */
	bool is_end;	 /* else a hint */
	uint64_t number; /* of the put */
	int error;	 /* the outcome */
};

/* As in verify.c: first those that are taken, then those that are done, then
 * those that wait. The numbers only grow. */
struct syncer {
	pthread_t thread;
	bool has_thread;
	int event_fd; /* written by the thread when there is news */
	struct event *event;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t asked;
	bool is_over;
	uint64_t n_asked, n_done, n_taken;
	struct sync_job job[SYNCER_JOBS_MAX];
};

/* --- the thread ----------------------------------------------------------- */

static bool
wait_for_job(struct syncer *sy, struct sync_job *out)
{
	bool has_one;

	pthread_mutex_lock(&sy->lock);
	while (!sy->is_over && sy->n_done == sy->n_asked)
		pthread_cond_wait(&sy->asked, &sy->lock);
	has_one = !sy->is_over;
	if (has_one)
		*out = sy->job[sy->n_done % SYNCER_JOBS_MAX];
	pthread_mutex_unlock(&sy->lock);
	return has_one;
}

/* A hint that is not followed does no harm: the sync says what went wrong. */
static int
work(const struct sync_job *job)
{
	if (job->is_end)
		return disk_sync(job->fd) == 0 ? 0 : errno;
	sync_file_range(job->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return 0;
}

static void *
run(void *arg)
{
	struct syncer *sy = arg;
	const uint64_t one = 1;
	struct sync_job job;
	int error;

	while (wait_for_job(sy, &job)) {
		error = work(&job);
		pthread_mutex_lock(&sy->lock);
		sy->job[sy->n_done++ % SYNCER_JOBS_MAX].error = error;
		pthread_mutex_unlock(&sy->lock);
		if (write(sy->event_fd, &one, sizeof(one)) == -1)
			fatal("eventfd: %s", strerror(errno));
	}
	return NULL;
}

/* --- life ----------------------------------------------------------------- */

struct syncer *
syncer_new(bool has_thread)
{
	struct syncer *sy = xcalloc(1, sizeof(*sy));
	sigset_t every, before;
	int rc;

	sy->event_fd = -1;
	sy->has_thread = has_thread;
	if (!has_thread)
		return sy;
	pthread_mutex_init(&sy->lock, NULL);
	pthread_cond_init(&sy->asked, NULL);
	sy->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sy->event_fd == -1)
		fatal("eventfd: %s", strerror(errno));
	/* signals are for the loop's thread */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	rc = pthread_create(&sy->thread, NULL, run, sy);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		fatal("cannot start a thread: %s", strerror(rc));
	return sy;
}

void
syncer_free(struct syncer *sy)
{
	if (sy == NULL)
		return;
	if (sy->has_thread) {
		pthread_mutex_lock(&sy->lock);
		sy->is_over = true;
		pthread_cond_signal(&sy->asked);
		pthread_mutex_unlock(&sy->lock);
		pthread_join(sy->thread, NULL);
		pthread_cond_destroy(&sy->asked);
		pthread_mutex_destroy(&sy->lock);
		close(sy->event_fd);
	}
	for (; sy->n_taken < sy->n_asked; sy->n_taken++)
		close(sy->job[sy->n_taken % SYNCER_JOBS_MAX].fd);
	if (sy->event != NULL)
		event_free(sy->event);
	free(sy);
}

/* --- the loop ------------------------------------------------------------- */

static void
end(struct store *s, const struct sync_job *job)
{
	/* where a full disk shows only now (some file systems), nothing but
	 * this content is lost, and nobody counts on it yet */
	if (job->error != 0 && accept_error(job->error) != VERDICT_NO_SPACE)
		files_sync_failed(&s->files, "an upload", job->error);
	if (job->is_end)
		put_on_synced(s, job->number, job->error);
}

/* The next one that is done; false if there is none. */
static bool
take(struct syncer *sy, struct sync_job *out)
{
	bool has_one;

	pthread_mutex_lock(&sy->lock);
	has_one = sy->n_taken < sy->n_done;
	if (has_one)
		*out = sy->job[sy->n_taken++ % SYNCER_JOBS_MAX];
	pthread_mutex_unlock(&sy->lock);
	return has_one;
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct store *s = arg;
	struct sync_job job;
	uint64_t count;

	(void)what;
	/* the counter first, so that none is missed */
	if (read(fd, &count, sizeof(count)) == -1 && errno != EAGAIN)
		fatal("eventfd: %s", strerror(errno));
	while (take(s->syncer, &job)) {
		close(job.fd);
		end(s, &job);
	}
}

void
syncer_listen(struct store *s)
{
	struct syncer *sy = s->syncer;

	if (sy->event_fd == -1)
		return;
	sy->event =
	    event_new(s->base, sy->event_fd, EV_READ | EV_PERSIST, on_news, s);
	if (sy->event == NULL || event_add(sy->event, NULL) == -1)
		fatal("an event could not be made");
}

/* Of at most limit. */
static bool
push(struct syncer *sy, const struct sync_job *job, uint64_t limit)
{
	bool has_room;

	pthread_mutex_lock(&sy->lock);
	has_room = sy->n_asked - sy->n_taken < limit;
	if (has_room) {
		sy->job[sy->n_asked++ % SYNCER_JOBS_MAX] = *job;
		pthread_cond_signal(&sy->asked);
	}
	pthread_mutex_unlock(&sy->lock);
	return has_room;
}

bool
syncer_ask(struct store *s, int fd, uint64_t number)
{
	struct sync_job job = {.fd = fd, .is_end = true, .number = number};

	if (!s->syncer->has_thread) {
		job.error = work(&job);
		end(s, &job);
		return true;
	}
	job.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (job.fd == -1)
		return false;
	if (push(s->syncer, &job, SYNCER_JOBS_MAX))
		return true;
	close(job.fd);
	return false;
}

void
syncer_begin(struct store *s, int fd)
{
	struct sync_job job = {.is_end = false};

	if (!s->syncer->has_thread)
		return;
	job.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	/* ends come first: hints never take the last places */
	if (job.fd != -1 && !push(s->syncer, &job, SYNCER_JOBS_MAX / 4))
		close(job.fd);
}
