/* SPDX-License-Identifier: ISC */
#include "dmctl/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/duration.h"
#include "common/log.h"
#include "common/sha256.h"

#define BUFFER_SIZE (128u << 10)

/* --- copies ----------------------------------------------------------- */

static int
failed(const char *path, int error, int code)
{
	log_error("%s: %s", path, strerror(error));
	return code;
}

/* Memory that can be sealed, or a file that no other process can open. */
static int
copy_new(bool is_sealed)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (is_sealed)
		return memfd_create("dmctl", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if ((size_t)snprintf(path, sizeof(path), "%s/dmctl.XXXXXX", dir) >=
	    sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd != -1)
		unlink(path);
	return fd;
}

static bool
write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static int
too_long(const char *path, uint64_t copy_max)
{
	char text[SIZE_TEXT_MAX];

	log_error("%s: longer than %s, the limit for a pipe and for the "
		  "control socket: raise max_file_size in the dm.toml that -f "
		  "names (without one the limit is 1G)",
	    path, size_format(copy_max, text));
	return EX_DATAERR;
}

/* Reads `from` to its end: hashes, counts and, if `to` is not -1, copies. */
static int
pass(struct content *c, int from, int to, const char *path, uint64_t copy_max)
{
	uint8_t *buffer = xmalloc(BUFFER_SIZE);
	struct sha256 *h = sha256_new();
	int code = EX_OK;
	ssize_t n;

	while ((n = read(from, buffer, BUFFER_SIZE)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			code = failed(path, errno, EX_IOERR);
			break;
		}
		if (to != -1 && (uint64_t)n > copy_max - c->size) {
			code = too_long(path, copy_max);
			break;
		}
		if (to != -1 && !write_all(to, buffer, (size_t)n)) {
			log_error(
			    "%s cannot be copied: %s", path, strerror(errno));
			code = EX_IOERR;
			break;
		}
		sha256_add(h, buffer, (size_t)n);
		c->size += (uint64_t)n;
	}
	sha256_end(h, c->sha256);
	sha256_free(h);
	free(buffer);
	return code;
}

static int
read_copy(struct content *c, int fd, const char *path, bool is_sealed,
    uint64_t copy_max)
{
	const int seals =
	    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	int code;

	c->fd = copy_new(is_sealed);
	if (c->fd == -1) {
		log_error("%s cannot be copied: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	code = pass(c, fd, c->fd, path, copy_max);
	if (code == EX_OK && is_sealed &&
	    fcntl(c->fd, F_ADD_SEALS, seals) == -1)
		code = failed("sealing memory", errno, EX_OSERR);
	if (code != EX_OK)
		content_close(c);
	return code;
}

int
content_read(struct content *c, int fd, const char *path, bool is_sealed,
    uint64_t copy_max)
{
	memset(c, 0, sizeof(*c));
	return read_copy(c, fd, path, is_sealed, copy_max);
}

int
content_open(
    struct content *c, const char *path, bool is_sealed, uint64_t copy_max)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct stat st;
	int code, fd;

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return failed(path, errno, EX_NOINPUT);
	if (fstat(fd, &st) == -1 || S_ISDIR(st.st_mode)) {
		close(fd);
		return failed(path, EISDIR, EX_NOINPUT);
	}
	if (is_sealed || is_stdin || !S_ISREG(st.st_mode)) {
		code = read_copy(c, fd, path, is_sealed, copy_max);
		close(fd);
		return code;
	}
	c->fd = fd;
	code = pass(c, fd, -1, path, 0);
	if (code != EX_OK)
		content_close(c);
	return code;
}

void
content_close(struct content *c)
{
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
}
