/* SPDX-License-Identifier: ISC */
#include "dm-store/syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "dm-store/judge.h"
#include "dm-store/disk.h"
#include "dm-store/worker.h"

struct sync_job {
	int fd;	     /* the job's own */
	bool is_end; /* else a hint */
	syncer_done_fn *tell;
	uint64_t number; /* the caller's own */
	int error;	 /* the outcome */
};

/* A hint that is not followed does no harm: the sync says what went wrong. */
static void
work(void *state, void *arg)
{
	struct sync_job *job = arg;

	job->error = 0;
	if (!job->is_end)
		sync_file_range(job->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	else if (disk_sync(job->fd) == -1)
		job->error = errno;
}

static void
drop(void *arg)
{
	close(((struct sync_job *)arg)->fd);
}

static const struct worker_kind kind = {
    sizeof(struct sync_job), SYNCER_JOBS_MAX, work, NULL, NULL};

struct worker *
syncer_new(void)
{
	return worker_new(&kind);
}

void
syncer_free(struct worker *w)
{
	worker_free(w, drop);
}

static void
end(struct store *s, const struct sync_job *job)
{
	/* where a full disk shows only now (some file systems), nothing but
	 * this content is lost, and nobody counts on it yet */
	if (job->error != 0 && judge_error(job->error) != VERDICT_NO_SPACE)
		files_sync_failed(
		    &s->files, "an upload in index/tmp/", job->error);
	if (job->is_end)
		job->tell(s, job->number, job->error);
}

static void
on_done(void *ctx, void *job)
{
	drop(job);
	end(ctx, job);
}

void
syncer_listen(struct store *s)
{
	if (s->syncer != NULL)
		worker_listen(s->syncer, s->base, on_done, s);
}

/* With a descriptor of its own; after at most so many others. */
static bool
ask(struct store *s, int fd, struct sync_job *job, size_t limit)
{
	job->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (job->fd == -1)
		return false;
	if (worker_ask(s->syncer, job, limit))
		return true;
	close(job->fd);
	return false;
}

bool
syncer_ask(struct store *s, int fd, uint64_t number, syncer_done_fn *tell)
{
	struct sync_job job = {
	    .fd = fd, .is_end = true, .tell = tell, .number = number};

	if (s->syncer != NULL)
		return ask(s, fd, &job, SYNCER_JOBS_MAX);
	work(NULL, &job);
	end(s, &job);
	return true;
}

void
syncer_begin(struct store *s, int fd)
{
	struct sync_job job = {.is_end = false};

	/* ends come first: hints never take the last places */
	if (s->syncer != NULL)
		ask(s, fd, &job, SYNCER_JOBS_MAX / 4);
}
