/* SPDX-License-Identifier: ISC */
/*
 * Power cuts. Each scenario drives the real store while every call that
 * writes, syncs or names something is recorded (trace.h). Then, for every
 * point of the record and for many ways in which what was not synced may or
 * may not have reached the disk (disk.h), that disk is made, a store is
 * started on it, and it must come up with everything that it had
 * acknowledged, byte for byte, and with nothing half done (scenario.h).
 *
 *   crash [-s SEEDS] [-l SEED] [-n NAME] [-v] [-p PART]
 *       PART: cuts, again (recovery is cut too), lies (a sync that does
 *       nothing must be found out), failures (the Nth call fails)
 *
 * Each disk is tried in a process of its own: a store that gives up, hangs or
 * crashes is a finding, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "disk.h"
#include "scenario.h"

#define PATIENCE_S 60
#define REPORTS_MAX 5
#define CHECK_FAILED 98
#define ASSERTED 255 /* the fixture could not go on: an end like others */

static struct {
	unsigned seeds;	     /* of styles with a seed, per cut */
	uint64_t first_seed;
	const char *name; /* one scenario, or NULL */
	const char *part;
	bool is_verbose;
	char top[40];
	unsigned n_disks, n_dirs, n_found;
} run = { .seeds = 1, .first_seed = 1 };

/* --- directories ------------------------------------------------------ */

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void
remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
make_top(void)
{
	/* thousands of disks: in memory where that can be had */
	strcpy(run.top, access("/dev/shm", W_OK) == 0 ? "/dev/shm/crash.XXXXXX"
						      : "/tmp/crash.XXXXXX");
	if (mkdtemp(run.top) == NULL)
		fatal("%s: %s", run.top, strerror(errno));
}

static void
new_dir(char path[static 64])
{
	snprintf(path, 64, "%s/%d.%u", run.top, (int)getpid(), run.n_dirs++);
	if (mkdir(path, 0700) == -1)
		fatal("%s: %s", path, strerror(errno));
}

/* --- processes -------------------------------------------------------- */

static pid_t
start_child(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == -1)
		fatal("fork: %s", strerror(errno));
	if (pid == 0)
		alarm(PATIENCE_S);
	return pid;
}

/* Its exit status, or 128 and the signal. */
static int
end_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			fatal("waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 128 + WTERMSIG(status);
}

/* --- one disk --------------------------------------------------------- */

struct cut {
	const struct trace *t;
	uint32_t at;
	const struct trace *acks; /* what was acknowledged: in this record */
	uint32_t acks_at;	  /* up to here; NEVER: as far as at */
	enum disk_style style;
	uint64_t seed;
	const char *what;
	bool is_quiet;
};

static void
report(const struct cut *c, int status)
{
	char text[320];

	if (c->is_quiet || run.n_found++ >= REPORTS_MAX)
		return;
	fprintf(stderr, "crash: %s: cut at %u of %u, %s, seed %llu: %s %d\n",
	    c->what, c->at, c->t->n_ops, disk_style_name(c->style),
	    (unsigned long long)c->seed,
	    status == CHECK_FAILED ? "wrong" : "the store ended with", status);
	for (uint32_t i = c->at > 6 ? c->at - 6 : 0;
	     run.is_verbose && i < c->at; i++) {
		trace_describe(c->t, i, text);
		fprintf(stderr, "  %s\n", text);
	}
}

/* 0 if everything is as it must be. */
static int
try(const struct cut *c)
{
	const char *wrong;
	char dir[64];
	bool is_deep;
	pid_t pid;
	int status;

	new_dir(dir);
	disk_make(c->t, c->at, c->style, c->seed, dir);
	is_deep = run.n_disks++ % 8 == 0;
	pid = start_child();
	if (pid == 0) {
		wrong = scenario_check(c->acks,
		    c->acks_at != TRACE_NEVER ? c->acks_at : c->at, dir,
		    is_deep);
		if (wrong != NULL && !c->is_quiet)
			fprintf(stderr, "%s\n", wrong);
		_exit(wrong != NULL ? CHECK_FAILED : 0);
	}
	status = end_of(pid);
	remove_tree(dir);
	return status;
}

/* All styles at one point; how many are wrong. */
static unsigned
try_styles(struct cut *c)
{
	unsigned n, wrong = 0;
	int status;

	for (unsigned style = 0; style < DISK_STYLES; style++) {
		c->style = (enum disk_style)style;
		n = disk_is_seeded(c->style) ? run.seeds : 1;
		for (unsigned i = 0; i < n; i++) {
			c->seed = run.first_seed + i;
			status = try(c);
			if (status != 0) {
				wrong++;
				report(c, status);
			}
		}
	}
	return wrong;
}

/* Only after a call that changes something does a cut differ. */
static bool
is_worth_it(const struct trace *t, uint32_t cut)
{
	return cut == 0 || t->op[cut - 1].kind != TRACE_MARK ||
	       cut == t->n_ops;
}

/* A short run looks at every fifth point of a long record: calls come in
 * threes and fours there, so all kinds are met. */
static unsigned
stride_of(const struct trace *t)
{
	return run.seeds == 1 && t->n_ops > 400 ? 5 : 1;
}

/* --- records ---------------------------------------------------------- */

/* What a store says that is about to end is expected here. */
static void
be_quiet(void)
{
	int fd = open("/dev/null", O_WRONLY);

	if (fd != -1)
		dup2(fd, STDERR_FILENO);
}

/* A scenario in a process of its own, on dir; its record is in *t. */
static int
record(const struct scenario *sc, uint32_t lies, struct trace **t,
    enum trace_failure fail, uint64_t nth, int error)
{
	char dir[64];
	pid_t pid;
	int status;

	new_dir(dir);
	pid = start_child();
	if (pid == 0) {
		scenario_prepare(sc, dir);
		_exit(0);
	}
	status = end_of(pid);
	if (status != 0)
		fatal("%s: its beginning ended with %d", sc->name, status);
	*t = trace_begin(dir, lies);
	pid = start_child();
	if (pid == 0) {
		if (nth > 0 && !run.is_verbose)
			be_quiet();
		trace_fail(fail, nth, error);
		scenario_run(sc, dir);
		_exit(0);
	}
	status = end_of(pid);
	trace_end();
	remove_tree(dir);
	return status;
}

static bool
is_wanted(const struct scenario *sc)
{
	return run.name == NULL || strcmp(run.name, sc->name) == 0;
}

/* --- the parts -------------------------------------------------------- */

static void
part_cuts(const struct scenario *sc)
{
	struct trace *t;
	struct cut c = { .what = sc->name, .acks_at = TRACE_NEVER };
	unsigned before = run.n_disks;
	int status = record(sc, 0, &t, FAIL_WRITE, 0, 0);

	if (status != 0)
		fatal("%s: the scenario itself ended with %d", sc->name,
		    status);
	c.t = c.acks = t;
	for (c.at = 0; c.at <= t->n_ops; c.at += stride_of(t))
		if (is_worth_it(t, c.at))
			try_styles(&c);
	printf("%-14s %5u calls %6u disks\n", sc->name, t->n_ops,
	    run.n_disks - before);
	trace_free(t);
}


/* The start after a cut is cut in its turn, at each of its own points. */
static void
recover_again(struct trace *t, uint32_t at, enum disk_style style)
{
	struct cut c = { .acks = t, .acks_at = at, .what = "second cut" };
	struct trace *again;
	char dir[64];
	pid_t pid;

	new_dir(dir);
	disk_make(t, at, style, run.first_seed, dir);
	again = trace_begin(dir, 0);
	pid = start_child();
	if (pid == 0) {
		scenario_recover(dir);
		_exit(0);
	}
	end_of(pid);
	trace_end();
	remove_tree(dir);
	c.t = again;
	for (c.at = 0; c.at <= again->n_ops; c.at += stride_of(again))
		try_styles(&c);
	trace_free(again);
}

/* Where the first start on what was there ends: at its first answer. */
static uint32_t
first_start(const struct trace *t)
{
	uint32_t i = 0;

	while (i < t->n_ops && t->op[i].kind == TRACE_MARK)
		i++;
	while (i < t->n_ops && t->op[i].kind != TRACE_MARK)
		i++;
	return i;
}

/* Cuts at every stride'th point, with and without what was not synced; more
 * densely in a start that has something to do. */
static void
part_again(const struct scenario *sc)
{
	unsigned before = run.n_disks, stride;
	struct trace *t;
	int status = record(sc, 0, &t, FAIL_WRITE, 0, 0);

	if (status != 0)
		fatal("%s ended with %d", sc->name, status);
	stride = run.seeds > 1 ? 3 : t->n_ops / 3 + 1;
	for (uint32_t at = 0; sc->prepare != NULL && at < first_start(t);
	     at += run.seeds > 1 ? 1 : 6)
		recover_again(t, at, DISK_NONE);
	for (uint32_t at = stride - 1; at <= t->n_ops; at += stride) {
		recover_again(t, at, DISK_NONE);
		if (run.seeds > 1)
			recover_again(t, at, DISK_RANDOM);
	}
	printf("%-14s %5u calls %6u disks, recovery cut too\n", sc->name,
	    t->n_ops, run.n_disks - before);
	trace_free(t);
}

/* Does the proof find out that this class of syncs does nothing? */
static bool
is_found_out(enum trace_class class)
{
	static const enum disk_style styles[] = { DISK_NONE, DISK_EMPTY,
		DISK_DATA };
	struct cut c = { .acks_at = TRACE_NEVER, .is_quiet = true };
	struct trace *t;
	bool is_found = false;

	for (const struct scenario *sc = scenarios; sc->name != NULL; sc++) {
		record(sc, 1u << class, &t, FAIL_WRITE, 0, 0);
		c.t = c.acks = t;
		/* late cuts first: that is where something is to be lost */
		for (unsigned i = 0; i < 3 && !is_found; i++) {
			c.style = styles[i];
			c.seed = run.first_seed;
			for (c.at = t->n_ops; c.at > 0 && !is_found; c.at--)
				is_found = t->op[c.at - 1].kind != TRACE_MARK &&
					   try(&c) != 0;
		}
		trace_free(t);
		if (is_found)
			break;
	}
	return is_found;
}

static void
part_lies(void)
{
	for (unsigned class = 0; class < CLASSES; class++) {
		bool is_found = is_found_out((enum trace_class)class);

		printf("without syncs of %-18s %s\n",
		    trace_class_name((enum trace_class)class),
		    is_found ? "found out" : "NOT FOUND OUT");
		if (!is_found)
			run.n_found++;
	}
}

/* The nth call fails: the store goes on or ends, and then comes back, after a
 * kill and after a power cut. */
static void
fail_nth(const struct scenario *sc, enum trace_failure kind, uint64_t nth,
    int error)
{
	static const enum disk_style styles[] = { DISK_NONE, DISK_ALL,
		DISK_RANDOM };
	struct cut c = { .acks_at = TRACE_NEVER, .what = sc->name };
	struct trace *t;
	int status;

	status = record(sc, 0, &t, kind, nth, error);
	if (status >= 128 && status != ASSERTED) {
		run.n_found++;
		fprintf(stderr, "crash: %s: failure %d number %llu: signal %d\n",
		    sc->name, kind, (unsigned long long)nth, status - 128);
	}
	c.t = c.acks = t;
	c.at = t->n_ops;
	c.seed = nth;
	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
		c.style = styles[i];
		status = try(&c);
		if (status != 0)
			report(&c, status);
	}
	trace_free(t);
}

static void
part_failures(const struct scenario *sc)
{
	static const struct {
		enum trace_failure kind;
		int error;
		unsigned stride; /* in a short run */
	} kinds[] = { { FAIL_WRITE, ENOSPC, 5 }, { FAIL_WRITE, EIO, 17 },
		{ FAIL_SYNC, EIO, 1 }, { FAIL_MALLOC, ENOMEM, 211 } };
	unsigned before = run.n_disks;
	uint64_t counts[3];
	struct trace *t;

	record(sc, 0, &t, FAIL_WRITE, 0, 0);
	memcpy(counts, t->fail_counts, sizeof(counts));
	trace_free(t);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		unsigned stride = run.seeds > 1 ? 1 : kinds[k].stride;

		for (uint64_t n = 1; n <= counts[kinds[k].kind]; n += stride)
			fail_nth(sc, kinds[k].kind, n, kinds[k].error);
	}
	printf("%-14s %llu writes, %llu syncs, %llu allocations: %u disks\n",
	    sc->name, (unsigned long long)counts[0],
	    (unsigned long long)counts[1], (unsigned long long)counts[2],
	    run.n_disks - before);
}

/* -------------------------------------------------------------------------- */

static void
each(const char *part, void (*fn)(const struct scenario *))
{
	if (run.part != NULL && strcmp(run.part, part) != 0)
		return;
	for (const struct scenario *sc = scenarios; sc->name != NULL; sc++)
		if (is_wanted(sc))
			fn(sc);
}

static void
read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "s:l:n:p:v")) != -1) {
		if (c == 's')
			run.seeds = (unsigned)atoi(optarg);
		else if (c == 'l')
			run.first_seed = strtoull(optarg, NULL, 10);
		else if (c == 'n')
			run.name = optarg;
		else if (c == 'p')
			run.part = optarg;
		else if (c == 'v')
			run.is_verbose = true;
		else
			exit(64);
	}
}

int
main(int argc, char **argv)
{
	time_t start = time(NULL);

	log_init("crash");
	read_options(argc, argv);
	make_top();
	scenario_setup();
	each("cuts", part_cuts);
	each("again", part_again);
	each("failures", part_failures);
	if (run.part == NULL || strcmp(run.part, "lies") == 0)
		part_lies();
	remove_tree(run.top);
	printf("crash: %u disks in %lld s, %u wrong\n", run.n_disks,
	    (long long)(time(NULL) - start), run.n_found);
	return run.n_found > 0;
}
