/* SPDX-License-Identifier: ISC */
/* The part of keys.h that touches files. */
#include "common/keys/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/limits.h"
#include "common/keys/openssh_key.h"

/* Reads to the end, at most max bytes. Their number, -1 with errno. */
static ssize_t
read_all(int fd, char *buf, size_t max)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = read(fd, buf + n, max - n);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return -1;
		if (got == 0)
			return (ssize_t)n;
		n += (size_t)got;
		if (n == max) {
			errno = EFBIG;
			return -1;
		}
	}
}

static enum key_error
check_private(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return KEY_IO;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return KEY_IO;
	}
	if ((st.st_mode & 077) != 0 ||
	    (st.st_uid != geteuid() && st.st_uid != 0))
		return KEY_PERMISSIONS;
	return KEY_OK;
}

enum key_error
key_read_private(const char *path, struct key_pair *pair)
{
	/* O_NONBLOCK: opening a pipe must not hang */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum key_error err;
	char text[KEY_FILE_SIZE_MAX + 1];
	ssize_t n;
	int saved;

	if (fd == -1)
		return KEY_IO;
	err = check_private(fd);
	if (err == KEY_OK) {
		n = read_all(fd, text, sizeof(text));
		err =
		    n == -1 ? KEY_IO : key_parse_private(text, (size_t)n, pair);
		saved = errno;
		OPENSSL_cleanse(text, sizeof(text));
		errno = saved;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return err;
}

enum key_error
key_read_public(const char *path, uint8_t public_key[static 32])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char text[KEY_FILE_SIZE_MAX + 1];
	ssize_t n;
	int saved;

	if (fd == -1)
		return KEY_IO;
	n = read_all(fd, text, sizeof(text));
	saved = errno;
	close(fd);
	errno = saved;
	return n == -1 ? KEY_IO : key_parse_public(text, (size_t)n, public_key);
}

/* Makes the new name itself durable. */
static int
sync_parent(const char *path)
{
	char copy[PATH_MAX];
	int fd, result;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	result = fsync(fd);
	close(fd);
	return result;
}

/* A new file with this text, synced; removed again if that fails. */
static int
write_new(const char *path, const char *text, size_t len, mode_t mode)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int saved;

	if (fd == -1)
		return -1;
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n == -1 && errno != EINTR)
			goto fail;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	if (fsync(fd) == -1)
		goto fail;
	return close(fd);
fail:
	saved = errno;
	close(fd);
	unlink(path);
	errno = saved;
	return -1;
}

static enum key_error
write_file(
    const char *path, const char *text, size_t len, mode_t mode, bool force)
{
	char temp[PATH_MAX];
	int n, saved;

	if (!force) {
		if (write_new(path, text, len, mode) == -1)
			return errno == EEXIST ? KEY_EXISTS : KEY_IO;
		return sync_parent(path) == -1 ? KEY_IO : KEY_OK;
	}
	n = snprintf(temp, sizeof(temp), "%s.%ld.tmp", path, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof(temp)) {
		errno = ENAMETOOLONG;
		return KEY_IO;
	}
	unlink(temp); /* left by a process that had our number */
	if (write_new(temp, text, len, mode) == -1)
		return KEY_IO;
	if (rename(temp, path) == -1) {
		saved = errno;
		unlink(temp);
		errno = saved;
		return KEY_IO;
	}
	return sync_parent(path) == -1 ? KEY_IO : KEY_OK;
}

enum key_error
key_write_private(const char *path, const struct key_pair *pair,
    const char *comment, bool force)
{
	char text[OPENSSH_KEY_TEXT_MAX];
	size_t len = openssh_key_format(pair, comment, text);
	enum key_error err = write_file(path, text, len, 0600, force);
	int saved = errno;

	OPENSSL_cleanse(text, sizeof(text));
	errno = saved;
	return err;
}

enum key_error
key_write_public(const char *path, const uint8_t public_key[static 32],
    const char *comment, bool force)
{
	char text[KEY_PUBLIC_LINE_MAX];
	size_t len = key_format_public(public_key, comment, text);

	return write_file(path, text, len, 0644, force);
}
