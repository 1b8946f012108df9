/* SPDX-License-Identifier: ISC */
/*
 * Power cuts. Each scenario drives the real store while every call that
 * writes, syncs or names something is recorded (trace.h). Then, for every
 * point of the record and for many ways in which what was not synced may or
 * may not have reached the disk (disk.h), that disk is made, a store is
 * started on it, and it must come up with everything that it had
 * acknowledged, byte for byte, and with nothing half done (scenario.h).
 *
 *   crash [-s SEEDS] [-m MINUTES] [-l SEED] [-n NAME] [-p PART] [-v]
 *       PART: cuts, again (recovery is cut too), failures (the Nth call
 *       fails), lies (a sync that does nothing must be found out)
 *
 * A seed goes through all scenarios, at some of the points of each record; the
 * next seed takes the points beside those, so that some seeds have been at
 * every one, and then only what chance decides is tried again. What a seed
 * does depends on nothing else: -l SEED does it again. -l is the first of
 * them. It ends after so many seeds or minutes, or by SIGINT, and says how far
 * it came.
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
	uint64_t seeds, first_seed, seed; /* how many; the present one */
	time_t until;			  /* 0: no end */
	const char *name;		  /* one scenario, or NULL */
	const char *part;
	const char *doing; /* the part that is under way */
	bool is_verbose;
	char top[40];
	unsigned n_disks, n_dirs, n_found;
} run = { .seeds = 1, .first_seed = 1 };

static volatile sig_atomic_t is_interrupted;

static void
on_interrupt(int signal)
{
	is_interrupted = 1;
}

static time_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static bool
is_over(void)
{
	return is_interrupted || (run.until != 0 && now() >= run.until);
}

/* Of stride points one after the other, the one for this seed. */
static uint32_t
turn_of(uint32_t stride)
{
	return (uint32_t)((run.seed - 1) % stride);
}

/* An earlier seed has been at these points: what no chance decides would be
 * the same again. */
static bool
is_known(uint32_t stride)
{
	return run.seed > stride;
}

/* --- directories ------------------------------------------------------ */

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
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
	if (pid == 0) {
		/* what is begun is looked at */
		signal(SIGINT, SIG_IGN);
		alarm(PATIENCE_S);
	}
	return pid;
}

/* Its exit status, or 128 and the signal. */
static int
end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) == -1) /* signal(3): no EINTR */
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
	const char *what, *name;
	bool is_quiet;
};

static void
report(const struct cut *c, int status)
{
	char text[320];

	if (c->is_quiet || run.n_found++ >= REPORTS_MAX)
		return;
	fprintf(stderr,
	    "crash: %s: cut at %u of %u, %s, seed %llu: %s %d; "
	    "again: crash -v -l %llu -n %s -p %s\n",
	    c->what, c->at, c->t->n_ops, disk_style_name(c->style),
	    (unsigned long long)c->seed,
	    status == CHECK_FAILED ? "wrong" : "the store ended with", status,
	    (unsigned long long)run.seed, c->name, run.doing);
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
	is_deep = (c->at + (unsigned)c->style + c->seed) % 8 == 0;
	run.n_disks++;
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

/* All styles at one point; those without chance only where that is new. */
static void
try_styles(struct cut *c, bool is_known_point)
{
	int status;

	c->seed = run.seed;
	for (unsigned style = 0; style < DISK_STYLES; style++) {
		c->style = (enum disk_style)style;
		if (is_known_point && !disk_is_seeded(c->style))
			continue;
		status = try(c);
		if (status != 0)
			report(c, status);
	}
}

/* Only after a call that changes something does a cut differ. */
static bool
is_worth_it(const struct trace *t, uint32_t cut)
{
	return cut == 0 || t->op[cut - 1].kind != TRACE_MARK ||
	       cut == t->n_ops;
}

/* A seed looks at every fifth point of a long record: calls come in threes
 * and fours there, so all kinds are met. */
static unsigned
stride_of(const struct trace *t)
{
	return t->n_ops > 400 ? 5 : 1;
}

static void
try_points(struct cut *c)
{
	unsigned stride = stride_of(c->t);

	for (c->at = turn_of(stride); c->at <= c->t->n_ops && !is_over();
	     c->at += stride)
		if (is_worth_it(c->t, c->at))
			try_styles(c, is_known(stride));
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

/* The next start of the store after its end, within the same record: no power
 * cut was between them, so it reads what no disk may hold. */
static void
restart(const struct scenario *sc, const char *dir)
{
	pid_t pid = start_child();
	int status;

	if (pid == 0) {
		scenario_recover(dir);
		_exit(0);
	}
	status = end_of(pid);
	if (status != 0 && run.n_found++ < REPORTS_MAX)
		fprintf(stderr, "crash: %s: the next start ended with %d\n",
		    sc->name, status);
}

/* A scenario in a process of its own; its record is in *t. n_ops: NULL, or so
 * many operations were done when it ended, before the next start. */
static int
record(const struct scenario *sc, uint32_t lies, struct trace **t,
    enum trace_failure fail, uint64_t nth, int error, uint32_t *n_ops)
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
	if (n_ops != NULL) {
		*n_ops = (*t)->n_ops;
		restart(sc, dir);
	}
	trace_end();
	remove_tree(dir);
	return status;
}

/* --- the parts -------------------------------------------------------- */

static struct trace *
record_whole(const struct scenario *sc)
{
	struct trace *t;
	int status = record(sc, 0, &t, FAIL_WRITE, 0, 0, NULL);

	if (status != 0)
		fatal("%s: the scenario itself ended with %d", sc->name,
		    status);
	return t;
}

static void
part_cuts(const struct scenario *sc)
{
	struct cut c = { .what = sc->name, .name = sc->name,
		.acks_at = TRACE_NEVER };
	struct trace *t = record_whole(sc);

	c.t = c.acks = t;
	try_points(&c);
	trace_free(t);
}

/* The start after a cut is cut in its turn, at each of its own points. */
static void
recover_again(const struct scenario *sc, struct trace *t, uint32_t at,
    enum disk_style style)
{
	struct cut c = { .acks = t, .acks_at = at, .what = "second cut",
		.name = sc->name };
	struct trace *again;
	char dir[64];
	pid_t pid;

	new_dir(dir);
	disk_make(t, at, style, run.seed, dir);
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
	try_points(&c);
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

/* Three points of the record, and every sixth of a start that has something to
 * do. Seeds take turns in how the first cut leaves the disk. */
static void
part_again(const struct scenario *sc)
{
	enum disk_style style = run.seed % 2 == 1 ? DISK_NONE : DISK_RANDOM;
	struct trace *t = record_whole(sc);
	unsigned stride = t->n_ops / 3 + 1;

	for (uint32_t at = turn_of(6);
	     sc->prepare != NULL && at < first_start(t) && !is_over(); at += 6)
		recover_again(sc, t, at, style);
	for (uint32_t at = stride - 1 - turn_of(stride);
	     at <= t->n_ops && !is_over(); at += stride)
		recover_again(sc, t, at, style);
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
		record(sc, 1u << class, &t, FAIL_WRITE, 0, 0, NULL);
		c.t = c.acks = t;
		/* late cuts first: that is where something is to be lost */
		for (unsigned i = 0; i < 3 && !is_found; i++) {
			c.style = styles[i];
			c.seed = run.seed;
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
	for (unsigned class = 0; class < CLASSES && !is_over(); class++) {
		bool is_found = is_found_out((enum trace_class)class);

		printf("without syncs of %-18s %s\n",
		    trace_class_name((enum trace_class)class),
		    is_found ? "found out" : "NOT FOUND OUT");
		if (!is_found)
			run.n_found++;
	}
}

/* After a failed call: a kill, a power cut. */
static void
try_end(struct cut *c, uint32_t at, bool is_known_call)
{
	static const enum disk_style styles[] = { DISK_NONE, DISK_ALL,
		DISK_RANDOM };
	int status;

	c->at = at;
	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
		c->style = styles[i];
		if (is_known_call && !disk_is_seeded(c->style))
			continue;
		status = try(c);
		if (status != 0)
			report(c, status);
	}
}

/* The nth call fails: the store goes on or ends, and then comes back, after a
 * kill and after a power cut. After a failed sync also: it starts again with
 * what the kernel still holds in memory, and the power cut comes after that
 * start. */
static void
fail_nth(const struct scenario *sc, enum trace_failure kind, uint64_t nth,
    int error, bool is_known_call)
{
	struct cut c = { .acks_at = TRACE_NEVER, .what = sc->name,
		.name = sc->name };
	uint32_t n_ops = TRACE_NEVER;
	struct trace *t;
	int status;

	status = record(sc, 0, &t, kind, nth, error,
	    kind == FAIL_SYNC ? &n_ops : NULL);
	if (status >= 128 && status != ASSERTED) {
		run.n_found++;
		fprintf(stderr, "crash: %s: failure %d number %llu: signal %d\n",
		    sc->name, kind, (unsigned long long)nth, status - 128);
	}
	c.t = c.acks = t;
	c.seed = nth + run.seed - 1;
	if (n_ops != TRACE_NEVER)
		try_end(&c, n_ops, is_known_call);
	try_end(&c, t->n_ops, is_known_call);
	trace_free(t);
}

static void
part_failures(const struct scenario *sc)
{
	static const struct {
		enum trace_failure kind;
		int error;
		unsigned stride;
	} kinds[] = { { FAIL_WRITE, ENOSPC, 5 }, { FAIL_WRITE, EIO, 17 },
		{ FAIL_SYNC, EIO, 1 }, { FAIL_MALLOC, ENOMEM, 211 } };
	struct trace *t = record_whole(sc);
	uint64_t counts[3];

	memcpy(counts, t->fail_counts, sizeof(counts));
	trace_free(t);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (uint64_t n = 1 + turn_of(kinds[k].stride);
		     n <= counts[kinds[k].kind] && !is_over();
		     n += kinds[k].stride)
			fail_nth(sc, kinds[k].kind, n, kinds[k].error,
			    is_known(kinds[k].stride));
}

/* --- the command line ------------------------------------------------- */

static bool
is_part(const char *part)
{
	run.doing = part;
	return run.part == NULL || strcmp(run.part, part) == 0;
}

/* How many disks that was. */
static unsigned
part(const char *name, void (*fn)(const struct scenario *),
    const struct scenario *sc)
{
	unsigned before = run.n_disks;

	if (is_part(name))
		fn(sc);
	return run.n_disks - before;
}

/* A scenario with a seed: one line. */
static void
go_through(const struct scenario *sc)
{
	unsigned cuts, again, failures, found = run.n_found;
	time_t start = now();

	cuts = part("cuts", part_cuts, sc);
	again = part("again", part_again, sc);
	failures = part("failures", part_failures, sc);
	printf("seed %-4llu %-13s %5u disks, %5u of second cuts, %4u of "
	       "failed calls, %3lld s%s%s\n",
	    (unsigned long long)run.seed, sc->name, cuts, again, failures,
	    (long long)(now() - start), is_over() ? ", cut short" : "",
	    run.n_found > found ? ", WRONG" : "");
}

/* As far as there is time; how many seeds were gone through as a whole. */
static uint64_t
go_on(void)
{
	uint64_t n;

	for (n = 0; n < run.seeds && !is_over(); n++) {
		run.seed = run.first_seed + n;
		for (const struct scenario *sc = scenarios;
		     sc->name != NULL && !is_over(); sc++)
			if (run.name == NULL || strcmp(run.name, sc->name) == 0)
				go_through(sc);
		/* nothing of it is left to chance */
		if (n == 0 && run.name == NULL && is_part("lies"))
			part_lies();
		if (is_over())
			break;
	}
	return n;
}

static void
read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "s:m:l:n:p:v")) != -1) {
		if (c == 's')
			run.seeds = strtoull(optarg, NULL, 10);
		else if (c == 'm')
			run.until = now() + (time_t)(atof(optarg) * 60);
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
	if (run.first_seed == 0 || optind != argc)
		exit(64);
}

int
main(int argc, char **argv)
{
	time_t start = now();
	uint64_t whole;

	log_init("crash");
	read_options(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGINT, on_interrupt);
	signal(SIGTERM, on_interrupt);
	make_top();
	scenario_setup();
	whole = go_on();
	remove_tree(run.top);
	printf("crash: %llu seed%s as a whole%s, %u disks in %lld s, "
	       "%u wrong\n",
	    (unsigned long long)whole, whole == 1 ? "" : "s",
	    whole < run.seeds ? ", the next in part" : "", run.n_disks,
	    (long long)(now() - start), run.n_found);
	return run.n_found > 0 ? 1 : is_interrupted ? 130 : 0;
}
