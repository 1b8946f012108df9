/* SPDX-License-Identifier: ISC */
#include "dmctl/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "common/verdict.h"
#include "dmctl/content.h"

#define MAGIC "dmsign1\n"
#define MAGIC_SIZE 8
#define FIXED_SIZE (MAGIC_SIZE + 2)

size_t
bundle_format(const struct entry *e, uint8_t head[static BUNDLE_HEAD_MAX])
{
	size_t len = entry_encode(e, head + FIXED_SIZE);

	memcpy(head, MAGIC, MAGIC_SIZE);
	head[MAGIC_SIZE] = (uint8_t)(len >> 8);
	head[MAGIC_SIZE + 1] = (uint8_t)(len & 0xff);
	return FIXED_SIZE + len;
}

size_t
bundle_parse(const uint8_t *data, size_t len, struct entry *e)
{
	size_t entry_len;

	if (len < FIXED_SIZE || memcmp(data, MAGIC, MAGIC_SIZE) != 0)
		return 0;
	entry_len = (size_t)data[MAGIC_SIZE] << 8 | data[MAGIC_SIZE + 1];
	if (entry_len == 0 || entry_len > ENTRY_SIZE_MAX ||
	    entry_len > len - FIXED_SIZE ||
	    entry_decode(e, data + FIXED_SIZE, entry_len) != entry_len)
		return 0;
	return FIXED_SIZE + entry_len;
}

/* Reads exactly len bytes; false if the end comes before, or on an error. */
static bool
read_exactly(int fd, uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, data, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Reads exactly the head of a bundle. */
static bool
read_head(int fd, struct entry *e)
{
	uint8_t head[BUNDLE_HEAD_MAX];
	size_t len;

	if (!read_exactly(fd, head, FIXED_SIZE))
		return false;
	len = (size_t)head[MAGIC_SIZE] << 8 | head[MAGIC_SIZE + 1];
	return len <= ENTRY_SIZE_MAX &&
	       read_exactly(fd, head + FIXED_SIZE, len) &&
	       bundle_parse(head, FIXED_SIZE + len, e) > 0;
}

static int
bad(const char *path, const char *why)
{
	log_error("%s: %s", path, why);
	return EX_DATAERR;
}

int
bundle_open(
    const char *path, struct entry *e, struct content *content, bool is_sealed)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
					: open(path, O_RDONLY | O_CLOEXEC);
	int code;

	if (fd == -1) {
		log_error("%s: %s", path, strerror(errno));
		return EX_NOINPUT;
	}
	if (!read_head(fd, e)) {
		close(fd);
		return bad(path, "not a whole file of dmctl sign: make it "
				 "again with dmctl sign");
	}
	code = content_read(content, fd, path, is_sealed, e->size);
	close(fd);
	if (code != EX_OK)
		return code;
	if (content->size != e->size ||
	    memcmp(content->sha256, e->sha256, 32) != 0)
		code = bad(path, verdict_sentence(VERDICT_BAD_CONTENT));
	else if (!entry_verify(e))
		code = bad(path, verdict_sentence(VERDICT_BAD_SIGNATURE));
	if (code != EX_OK)
		content_close(content);
	return code;
}
