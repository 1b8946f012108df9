/* SPDX-License-Identifier: ISC */
#include "dm-store/verify.h"

#include <sched.h>

#include "common/keys/key_check.h"
#include "dm-store/worker.h"

static void
work(void *state, void *arg)
{
	struct verify_job *job = arg;

	job->is_good = entry_verify_with(state, &job->entry);
}

static void *
begin(void)
{
	return key_check_new();
}

static void
end(void *state)
{
	key_check_free(state);
}

static const struct worker_kind kind = {
    sizeof(struct verify_job), VERIFY_JOBS_MAX, work, begin, end};

static void
tell(void *ctx, void *arg)
{
	const struct verify_job *job = arg;

	job->on_done(ctx, job);
}

static bool
has_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == -1 ||
	       CPU_COUNT(&set) > 1;
}

struct worker *
verifier_new(void)
{
	return has_processors() ? worker_new(&kind) : NULL;
}

void
verifier_free(struct worker *w)
{
	worker_free(w, NULL);
}

void
verify_listen(struct store *s)
{
	if (s->verifier != NULL)
		worker_listen(s->verifier, s->base, tell, s);
}

bool
verify_ask(struct store *s, const struct verify_job *job, bool is_alone)
{
	struct verify_job now;

	if (s->verifier != NULL && !(is_alone && worker_is_idle(s->verifier)))
		return worker_ask(s->verifier, job, VERIFY_JOBS_MAX);
	now = *job;
	now.is_good = entry_verify(&now.entry);
	tell(s, &now);
	return true;
}
