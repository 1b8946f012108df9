/* SPDX-License-Identifier: ISC */
#include "dmctl/known_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"

#define DIRECTORY "/dmd"
#define FILE_NAME "/networks"

/* False: no home, or a path that is too long. */
static bool
find_path(char out[static PATH_MAX])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	/* the XDG specification: a relative path is to be ignored */
	if (state != NULL && state[0] == '/')
		n = snprintf(out, PATH_MAX, "%s" DIRECTORY FILE_NAME, state);
	else if (home != NULL && home[0] == '/')
		n = snprintf(
		    out, PATH_MAX, "%s/.local/state" DIRECTORY FILE_NAME, home);
	else
		return false;
	return n < PATH_MAX;
}

/* --- reading ---------------------------------------------------------- */

/* 0 or an exit code after a message. */
static int
judge_owner(const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1) {
		log_error("%s: %s", path, strerror(errno));
		return EX_NOINPUT;
	}
	if (!S_ISREG(st.st_mode)) {
		log_error("%s is not a regular file: remove it", path);
		return EX_NOINPUT;
	}
	if ((st.st_uid != geteuid() && st.st_uid != 0) ||
	    (st.st_mode & 022) != 0) {
		log_error("%s: other users may write it: remove it, or chown "
			  "it to you and chmod 600 it",
		    path);
		return EX_NOPERM;
	}
	return EX_OK;
}

/* At most max bytes. -1 with errno. */
static ssize_t
read_to_end(int fd, char *out, size_t max)
{
	size_t len = 0;
	ssize_t n;

	while (len < max) {
		n = read(fd, out + len, max - len);
		if (n == 0)
			return (ssize_t)len;
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			return -1;
	}
	errno = EFBIG;
	return -1;
}

static int
read_rows(const char *path, int fd, struct known_networks *out)
{
	char *text;
	ssize_t len;
	size_t line = 0;
	int code = judge_owner(path, fd);

	if (code != EX_OK)
		return code;
	text = xmalloc(KNOWN_TEXT_MAX + 1);
	len = read_to_end(fd, text, KNOWN_TEXT_MAX + 1);
	if (len == -1) {
		log_error("%s: %s", path, strerror(errno));
		code = EX_NOINPUT;
	} else if ((line = known_parse(text, (size_t)len, out)) != 0) {
		log_error("%s: line %zu is not a URL and its network: correct "
			  "the line, or remove the file",
		    path, line);
		code = EX_DATAERR;
	}
	free(text);
	return code;
}

/* Without a file there are no rows. */
static int
load(const char *path, struct known_networks *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int code;

	out->n = 0;
	if (fd == -1) {
		if (errno == ENOENT || errno == ENOTDIR)
			return EX_OK;
		log_error("%s: %s", path, strerror(errno));
		return EX_NOINPUT;
	}
	code = read_rows(path, fd, out);
	close(fd);
	return code;
}

int
known_file_find(const struct url *url, struct network *network, bool *found)
{
	char path[PATH_MAX], spelt[KNOWN_URL_MAX];
	const struct network *known = NULL;
	struct known_networks *rows;
	int code;

	*found = false;
	if (!find_path(path) || !known_url(url, spelt))
		return EX_OK;
	rows = xmalloc(sizeof(*rows));
	code = load(path, rows);
	if (code == EX_OK)
		known = known_find(rows, spelt);
	if (known != NULL) {
		*network = *known;
		*found = true;
	}
	free(rows);
	return code;
}

/* --- writing ---------------------------------------------------------- */

/* Makes every directory of the path. */
static int
make_parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p != NULL;
	     p = strchr(p + 1, '/')) {
		int result;

		*p = '\0';
		result = mkdir(path, 0700);
		if (result == -1 && errno != EEXIST && access(path, F_OK) == 0)
			result = 0; /* EROFS, EACCES of one that is there */
		else if (result == -1 && errno == EEXIST)
			result = 0;
		*p = '/';
		if (result == -1)
			return -1;
	}
	return 0;
}

static bool
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n == -1 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* -1 with errno: then the old file is as it was. */
static int
replace(char *path, const char *text, size_t len)
{
	char temporary[PATH_MAX + 8];
	int fd, saved;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	if (make_parents(path) == -1)
		return -1;
	fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
	if (fd == -1)
		return -1;
	if (write_all(fd, text, len) && fsync(fd) == 0 &&
	    rename(temporary, path) == 0) {
		close(fd);
		return 0;
	}
	saved = errno;
	close(fd);
	unlink(temporary);
	errno = saved;
	return -1;
}

static bool
is_known(const struct known_networks *rows, const char *url,
    const struct network *network)
{
	const struct network *known = known_find(rows, url);

	return known != NULL && known->has_key == network->has_key &&
	       memcmp(known->key, network->key, sizeof(known->key)) == 0;
}

void
known_file_remember(const struct url *url, const struct network *network)
{
	char path[PATH_MAX], spelt[KNOWN_URL_MAX], *text;
	struct known_networks *rows;

	if (!find_path(path) || !known_url(url, spelt))
		return;
	rows = xmalloc(sizeof(*rows));
	if (load(path, rows) != EX_OK) {
		log_warn("the network of %s is not remembered", spelt);
	} else if (!is_known(rows, spelt, network)) {
		known_set(rows, spelt, network);
		text = xmalloc(KNOWN_TEXT_MAX);
		if (replace(path, text, known_format(rows, text)) == -1)
			log_warn("the network of %s is not remembered: %s: %s",
			    spelt, path, strerror(errno));
		free(text);
	}
	free(rows);
}
