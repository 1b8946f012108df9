/* SPDX-License-Identifier: ISC */
/* sign and submit: the key in one place, the mesh in another. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "dmctl/bundle.h"
#include "dmctl/command.h"
#include "dmctl/content.h"
#include "dmctl/network.h"
#include "dmctl/results.h"
#include "dmctl/new_entry.h"
#include "dmctl/sign.h"

#define SUFFIX ".signed"
#define BUFFER_SIZE (128u << 10)

/* --- sign ------------------------------------------------------------- */

/* Finds the network without asking a daemon: none may run here. */
static int
offline_network(const struct args *args, struct network *n)
{
	struct target t;
	int code = target_init(&t, args);

	if (code == EX_OK && args->network == NULL && t.config == NULL) {
		log_error("no network given: give --network KEY, --network - "
			  "for none, or -f FILE");
		code = EX_USAGE;
	}
	if (code == EX_OK)
		code = network_choose(&t, n);
	target_clear(&t);
	return code;
}

static bool
write_all(FILE *f, const struct entry *e, const struct content *c)
{
	uint8_t head[BUNDLE_HEAD_MAX], *buffer;
	size_t head_len = bundle_format(e, head);
	bool ok = fwrite(head, 1, head_len, f) == head_len;
	uint64_t at = 0;
	ssize_t n;

	buffer = xmalloc(BUFFER_SIZE);
	while (ok && at < c->size) {
		n = pread(c->fd, buffer, BUFFER_SIZE, (off_t)at);
		if (n == -1 && errno == EINTR)
			continue;
		ok = n > 0 && fwrite(buffer, 1, (size_t)n, f) == (size_t)n;
		at += n > 0 ? (uint64_t)n : 0;
	}
	free(buffer);
	return ok && fflush(f) == 0;
}

static int
write_bundle(const char *path, bool force, const struct entry *e,
    const struct content *c)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL);
	int fd = strcmp(path, "-") == 0 ? dup(STDOUT_FILENO)
					: open(path, flags, 0666);
	FILE *f = fd != -1 ? fdopen(fd, "wb") : NULL;
	struct stat st;
	bool ok, is_ours;

	if (f == NULL) {
		log_error("%s: %s%s", path, strerror(errno),
		    errno == EEXIST ? " (--force replaces it)" : "");
		if (fd != -1)
			close(fd);
		return EX_CANTCREAT;
	}
	/* half a bundle is removed, a device is not */
	is_ours = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	ok = write_all(f, e, c);
	if (fclose(f) == 0 && ok)
		return EX_OK;
	log_error("%s: %s", path, strerror(errno));
	if (is_ours && strcmp(path, "-") != 0)
		unlink(path);
	return EX_IOERR;
}

static int
sign_content(const struct args *args, struct entry *e,
    const struct signer *signer, const struct content *c)
{
	char path[4096];
	const char *out = args->output;
	int code;

	e->size = c->size;
	memcpy(e->sha256, c->sha256, sizeof(e->sha256));
	code = signer_sign(signer, e);
	if (code != EX_OK)
		return code;
	if (out == NULL && strcmp(args->operands[0], "-") == 0)
		out = "-";
	if (out == NULL) {
		if ((size_t)snprintf(path, sizeof(path), "%s" SUFFIX,
			args->operands[0]) >= sizeof(path)) {
			log_error("%s", strerror(ENAMETOOLONG));
			return EX_CANTCREAT;
		}
		out = path;
	}
	code = write_bundle(out, (args->given & ARG_FORCE) != 0, e, c);
	if (code == EX_OK && strcmp(out, "-") != 0)
		printf("%s\n", out);
	return code;
}

int
command_sign(const struct args *args)
{
	struct network network;
	struct content content;
	struct signer signer;
	struct entry e;
	int code;

	code = offline_network(args, &network);
	if (code == EX_OK)
		code = new_entry_file(&e, args, args->operands[0], &network);
	if (code == EX_OK)
		code = signer_open(&signer, args);
	if (code != EX_OK)
		return code;
	code =
	    content_open(&content, args->operands[0], false, CONTENT_COPY_MAX);
	if (code == EX_OK) {
		code = sign_content(args, &e, &signer, &content);
		content_close(&content);
	}
	signer_close(&signer);
	return code;
}

/* --- submit ----------------------------------------------------------- */

int
command_submit(const struct args *args)
{
	struct results *outcome;
	struct content content;
	struct delivery d;
	struct target t;
	struct entry e;
	int code;

	code = target_init(&t, args);
	if (code != EX_OK) {
		target_clear(&t);
		return code;
	}
	outcome = results_new(args);
	for (size_t i = 0; i < args->n_operands; i++) {
		code = bundle_open(
		    args->operands[i], &e, &content, t.http == NULL);
		if (code != EX_OK) {
			results_fail(outcome, code);
			continue;
		}
		deliver(&t, &e, e.kind == ENTRY_FILE ? content.fd : -1, &d);
		results_add(outcome, &e, &d);
		content_close(&content);
	}
	target_clear(&t);
	return results_end(outcome);
}
