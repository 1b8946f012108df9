/* SPDX-License-Identifier: ISC */
/*
 * Work beside the loop: one thread, and a queue of jobs, which are all that it
 * shares with the loop. A job is some bytes, copied when it is asked for and
 * handed back when it is done, in the order of asking. It does not know the
 * meaning of its jobs: their owners do (verify.h, syncer.h).
 */
#ifndef DMSTORE_WORKER_H
#define DMSTORE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct worker;

struct worker_kind {
	size_t job_size; /* bytes */
	size_t jobs_max; /* asked and not handed back */
	/* in the thread, which owns state; alters nothing but both */
	void (*work)(void *state, void *job);
	/* makes and frees state, in the thread; NULL: it is NULL */
	void *(*begin)(void);
	void (*end)(void *state);
};

/* Starts the thread, so before seccomp. fatal() if that fails. kind lives on.
 */
struct worker *worker_new(const struct worker_kind *);

/* Waits for the job that is under way, and calls drop (may be NULL) for each
 * that was not handed back. NULL is fine. */
void worker_free(struct worker *, void (*drop)(void *job));

/* done(ctx, job) is called from the loop for each job from now on. */
void worker_listen(struct worker *, struct event_base *,
    void (*done)(void *ctx, void *job), void *ctx);

/* False when limit (at most jobs_max) are asked and not handed back. */
bool worker_ask(struct worker *, const void *job, size_t limit);

/* Whether nothing is asked and not handed back. From the loop. */
bool worker_is_idle(const struct worker *);

#endif
