/* SPDX-License-Identifier: ISC */
#include "dmctl/key_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/limits.h"
#include "common/log.h"
#include "dmctl/time_text.h"

/* Waits for something to read, or for the end: 0, or -1 with errno. */
static int
wait_readable(int fd, uint64_t deadline_mono_ns)
{
	struct pollfd p = {fd, POLLIN, 0};
	int n;

	do
		n = poll(&p, 1,
		    deadline_mono_ns != 0 ? time_left_ms(deadline_mono_ns)
					  : -1);
	while (n == -1 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0 ? 0 : -1;
}

/* Reads the text of a pipe to its end. */
static enum key_error
read_text(int fd, uint64_t deadline_mono_ns, struct key_pair *pair)
{
	char text[KEY_FILE_SIZE_MAX + 1];
	enum key_error error = KEY_IO;
	size_t len = 0;
	ssize_t n;
	int saved;

	for (;;) {
		if (wait_readable(fd, deadline_mono_ns) == -1)
			break;
		n = read(fd, text + len, sizeof(text) - len);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n == -1)
			break;
		len += (size_t)n;
		if (n > 0 && len < sizeof(text))
			continue;
		error =
		    n == 0 ? key_parse_private(text, len, pair) : KEY_MALFORMED;
		break;
	}
	saved = errno;
	OPENSSL_cleanse(text, sizeof(text));
	errno = saved;
	return error;
}

/* The error for a file that open(2) cannot open, or that can hold no key. */
static enum key_error
no_file(void)
{
	if (errno == ENXIO) /* a socket, or a device that is not there */
		errno = EINVAL;
	return KEY_IO;
}

/*
 * The rule of key_read_private() for pipes too: another user who may open the
 * pipe could take a part of the key, or write another one. The pipe of
 * <(command) is 0600 and ours.
 */
static enum key_error
read_pipe(
    int fd, const struct stat *st, uint64_t deadline, struct key_pair *pair)
{
	if ((st->st_mode & 077) != 0 ||
	    (st->st_uid != geteuid() && st->st_uid != 0))
		return KEY_PERMISSIONS;
	return read_text(fd, deadline, pair);
}

static enum key_error
read_path(const char *path, uint64_t deadline, struct key_pair *pair)
{
	/* O_NONBLOCK: poll(2) waits for a writer, until the deadline */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum key_error error;
	struct stat st;
	int saved;

	if (fd == -1)
		return no_file();
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		error = read_pipe(fd, &st, deadline, pair);
	else
		error = key_read_private(path, pair);
	saved = errno;
	close(fd);
	errno = saved;
	return error;
}

enum key_error
key_input(const char *key, uint64_t deadline_mono_ns, struct key_pair *pair)
{
	if (strcmp(key, "-") == 0)
		return read_text(STDIN_FILENO, deadline_mono_ns, pair);
	if (strstr(key, "-----BEGIN ") == NULL)
		return read_path(key, deadline_mono_ns, pair);
	log_warn("every user of this machine can see a key on the command line "
		 "(ps): give the file of the key, or --key - and the key on "
		 "standard input");
	return key_parse_private(key, strlen(key), pair);
}
