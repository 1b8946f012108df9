/* SPDX-License-Identifier: ISC */
/*
 * get: a file's content, to stdout or a file that is replaced in one step. A
 * pipe or a device is written to, never replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "common/name.h"
#include "dmctl/command.h"
#include "dmctl/retrieve.h"

struct sink {
	const char *path; /* NULL: stdout */
	bool is_replaced; /* by half_written; else written to directly */
	int fd;
};

/* The name of the half-written file, for the handler below; empty: none. It is
 * set before the file is made. */
static char half_written[4096];

/* A signal that ends the command leaves no part of a file behind. */
static void
on_end(int signo)
{
	if (half_written[0] != '\0')
		unlink(half_written);
	raise(signo); /* SA_RESETHAND: the default is back */
}

static void
catch_ends(void)
{
	static const int ends[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction action = {.sa_flags = (int)SA_RESETHAND}, was;

	action.sa_handler = on_end;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigaction(ends[i], NULL, &was) == 0 &&
		    was.sa_handler == SIG_DFL)
			sigaction(ends[i], &action, NULL);
}

static bool
sink_take(void *ctx, const void *data, size_t len)
{
	const struct sink *t = ctx;
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(t->fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			log_error("%s: %s",
			    t->path != NULL ? t->path : "stdout",
			    strerror(errno));
			return false;
		}
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int
sink_open(struct sink *t, const char *path)
{
	mode_t mask = umask(0);

	umask(mask);
	t->path = path != NULL && strcmp(path, "-") != 0 ? path : NULL;
	t->fd = STDOUT_FILENO;
	t->is_replaced = false;
	if (t->path == NULL)
		return EX_OK;
	if (is_special(path)) {
		t->fd = open(path, O_WRONLY | O_CLOEXEC);
		if (t->fd != -1)
			return EX_OK;
		log_error("%s: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	if ((size_t)snprintf(half_written, sizeof(half_written), "%s.XXXXXX",
		path) >= sizeof(half_written)) {
		half_written[0] = '\0';
		log_error("%s: %s", path, strerror(ENAMETOOLONG));
		return EX_CANTCREAT;
	}
	catch_ends();
	t->fd = mkostemp(half_written, O_CLOEXEC);
	if (t->fd == -1) {
		log_error("%s: %s", path, strerror(errno));
		half_written[0] = '\0';
		return EX_CANTCREAT;
	}
	t->is_replaced = true;
	/* as if it had been made by open(2) */
	if (fchmod(t->fd, 0666 & ~mask) == -1)
		log_warn("%s: %s", path, strerror(errno));
	return EX_OK;
}

/* Renames the file to its place if all went well, else removes it. */
static int
sink_close(struct sink *t, int code)
{
	if (t->path == NULL)
		return code;
	if (!t->is_replaced) {
		close(t->fd);
		return code;
	}
	if (code == EX_OK &&
	    (fsync(t->fd) == -1 || rename(half_written, t->path) == -1)) {
		log_error("%s: %s", t->path, strerror(errno));
		code = EX_CANTCREAT;
	}
	close(t->fd);
	if (code != EX_OK)
		unlink(half_written);
	half_written[0] = '\0';
	return code;
}

int
command_get(const struct args *args)
{
	const char *name = args->operands[0];
	struct sink sink;
	struct target target;
	struct entry e;
	int code;

	if (!name_is_valid(name, strlen(name))) {
		log_error(
		    "%.300s: %s", name, verdict_sentence(VERDICT_BAD_NAME));
		return EX_DATAERR;
	}
	if (args->which != NULL && args->url != NULL) {
		log_error("earlier versions are not served over HTTP: leave "
			  "out --url");
		return EX_USAGE;
	}
	if (args->which != NULL && strlen(args->which) > 64) {
		log_error("--version: expected a number, or 8 to 64 "
			  "hexadecimal digits");
		return EX_DATAERR;
	}
	code = target_init(&target, args);
	if (code == EX_OK)
		code = sink_open(&sink, args->output);
	if (code == EX_OK) {
		code = retrieve_version(
		    &target, name, args->which, sink_take, &sink, &e);
		code = sink_close(&sink, code);
	}
	target_clear(&target);
	return code;
}
