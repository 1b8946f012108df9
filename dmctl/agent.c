/* SPDX-License-Identifier: ISC */
#include "dmctl/agent.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/keys/sshwire.h"
#include "dmctl/time_text.h"

#define ANSWER_MAX (256u << 10) /* the longest answer of OpenSSH's agent */
#define REQUEST_DATA_MAX 4096

enum {
	AGENT_FAILURE = 5,
	AGENT_REQUEST_IDENTITIES = 11,
	AGENT_IDENTITIES_ANSWER = 12,
	AGENT_SIGN_REQUEST = 13,
	AGENT_SIGN_RESPONSE = 14,
};

const char *
agent_error_text(enum agent_error error)
{
	switch (error) {
	case AGENT_OK:
		return "no error";
	case AGENT_NONE:
		return "no ssh-agent: SSH_AUTH_SOCK is not set; start "
		       "ssh-agent, or give --key FILE";
	case AGENT_IO:
		return "ssh-agent does not answer";
	case AGENT_MALFORMED:
		return "the socket in SSH_AUTH_SOCK is no ssh-agent: correct "
		       "SSH_AUTH_SOCK";
	case AGENT_REFUSED:
		return "ssh-agent does not sign with this key: ssh-add -l "
		       "lists the keys that it has";
	}
	return "unknown error";
}

/* Waits until fd is ready. At the deadline: false with errno. */
static bool
wait_ready(int fd, short events, uint64_t deadline_mono_ns)
{
	struct pollfd p = {fd, events, 0};
	int n;

	do
		n = poll(&p, 1, time_left_ms(deadline_mono_ns));
	while (n == -1 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

/* poll(2) has no event for a full backlog: tries again ten times a second. */
static bool
connect_agent(int fd, const struct sockaddr_un *un, uint64_t deadline_mono_ns)
{
	while (connect(fd, (const struct sockaddr *)un, sizeof(*un)) == -1) {
		if (errno != EAGAIN && errno != EINTR)
			return false;
		if (time_left_ms(deadline_mono_ns) == 0) {
			errno = ETIMEDOUT;
			return false;
		}
		time_sleep_ns(100 * NS_PER_MS);
	}
	return true;
}

enum agent_error
agent_open(int *fd, uint64_t deadline_mono_ns)
{
	const char *path = getenv("SSH_AUTH_SOCK");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int saved;

	if (path == NULL || *path == '\0')
		return AGENT_NONE;
	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return AGENT_IO;
	}
	memcpy(un.sun_path, path, strlen(path));
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd == -1)
		return AGENT_IO;
	if (connect_agent(*fd, &un, deadline_mono_ns))
		return AGENT_OK;
	saved = errno;
	close(*fd);
	errno = saved;
	return AGENT_IO;
}

/* --- messages --------------------------------------------------------- */

static bool
send_all(int fd, uint64_t deadline_mono_ns, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n;

		if (!wait_ready(fd, POLLOUT, deadline_mono_ns))
			return false;
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
receive_all(int fd, uint64_t deadline_mono_ns, uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n;

		/* one deadline for all pieces of an answer */
		if (!wait_ready(fd, POLLIN, deadline_mono_ns))
			return false;
		n = recv(fd, data, len, 0);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Sends one request and reads its answer, which the caller frees. */
static enum agent_error
agent_ask(int fd, uint64_t deadline, const uint8_t *request, size_t request_len,
    uint8_t **answer, size_t *len)
{
	uint8_t head[4];
	struct sshwire_writer w = {head, 0, sizeof(head)};
	struct sshwire_reader r = {head, sizeof(head), false};

	sshwire_put_u32(&w, (uint32_t)request_len);
	if (!send_all(fd, deadline, head, sizeof(head)) ||
	    !send_all(fd, deadline, request, request_len) ||
	    !receive_all(fd, deadline, head, sizeof(head)))
		return AGENT_IO;
	*len = sshwire_get_u32(&r);
	if (*len == 0 || *len > ANSWER_MAX)
		return AGENT_MALFORMED;
	*answer = xmalloc(*len);
	if (receive_all(fd, deadline, *answer, *len))
		return AGENT_OK;
	free(*answer);
	*answer = NULL;
	return AGENT_IO;
}

/* Checks that an answer has the wanted type. */
static enum agent_error
judge_type(const uint8_t *answer, size_t len, uint8_t wanted)
{
	if (len > 0 && answer[0] == AGENT_FAILURE)
		return AGENT_REFUSED;
	return len > 0 && answer[0] == wanted ? AGENT_OK : AGENT_MALFORMED;
}

/* A key blob; false if it is not an ed25519 key. */
static bool
parse_blob(const uint8_t *blob, size_t len, uint8_t public_key[static 32])
{
	struct sshwire_reader r = {blob, len, false};

	sshwire_expect(&r, SSHWIRE_ED25519);
	sshwire_get_fixed(&r, public_key, 32);
	return sshwire_is_done(&r);
}

enum agent_error
agent_parse_keys(const uint8_t *answer, size_t len,
    struct agent_key keys[static AGENT_KEYS_MAX], size_t *n)
{
	enum agent_error error =
	    judge_type(answer, len, AGENT_IDENTITIES_ANSWER);
	struct sshwire_reader r = {NULL, 0, false};
	uint32_t count;

	*n = 0;
	if (error != AGENT_OK)
		return error;
	r.data = answer + 1;
	r.len = len - 1;
	count = sshwire_get_u32(&r);
	/* each key takes at least the lengths of its two strings */
	if (r.bad || count > r.len / 8)
		return AGENT_MALFORMED;
	for (uint32_t i = 0; i < count; i++) {
		struct agent_key key;
		size_t blob_len, comment_len;
		const uint8_t *blob = sshwire_get_string(&r, &blob_len);
		const uint8_t *comment = sshwire_get_string(&r, &comment_len);

		if (r.bad)
			return AGENT_MALFORMED;
		if (*n == AGENT_KEYS_MAX ||
		    !parse_blob(blob, blob_len, key.public_key))
			continue;
		log_escape(
		    comment, comment_len, key.comment, sizeof(key.comment));
		keys[(*n)++] = key;
	}
	return sshwire_is_done(&r) ? AGENT_OK : AGENT_MALFORMED;
}

enum agent_error
agent_list(int fd, uint64_t deadline_mono_ns,
    struct agent_key keys[static AGENT_KEYS_MAX], size_t *n)
{
	static const uint8_t request[] = {AGENT_REQUEST_IDENTITIES};
	enum agent_error error;
	uint8_t *answer;
	size_t len;

	error = agent_ask(
	    fd, deadline_mono_ns, request, sizeof(request), &answer, &len);
	if (error != AGENT_OK)
		return error;
	error = agent_parse_keys(answer, len, keys, n);
	free(answer);
	return error;
}

enum agent_error
agent_parse_signature(
    const uint8_t *answer, size_t len, uint8_t signature[static 64])
{
	enum agent_error error = judge_type(answer, len, AGENT_SIGN_RESPONSE);
	struct sshwire_reader r = {NULL, 0, false}, inner;
	size_t inner_len;

	if (error != AGENT_OK)
		return error;
	r.data = answer + 1;
	r.len = len - 1;
	inner.data = sshwire_get_string(&r, &inner_len);
	inner.len = inner_len;
	inner.bad = false;
	if (!sshwire_is_done(&r))
		return AGENT_MALFORMED;
	sshwire_expect(&inner, SSHWIRE_ED25519);
	sshwire_get_fixed(&inner, signature, 64);
	return sshwire_is_done(&inner) ? AGENT_OK : AGENT_MALFORMED;
}

enum agent_error
agent_sign(int fd, uint64_t deadline_mono_ns,
    const uint8_t public_key[static 32], const uint8_t *data, size_t len,
    uint8_t signature[static 64])
{
	uint8_t request[REQUEST_DATA_MAX + 128], *answer;
	struct sshwire_writer w = {request, 0, sizeof(request)};
	const uint8_t type = AGENT_SIGN_REQUEST;
	enum agent_error error;
	size_t answer_len;

	if (len > REQUEST_DATA_MAX)
		fatal("agent: %zu bytes to sign", len);
	sshwire_put_raw(&w, &type, 1);
	sshwire_put_key(&w, public_key);
	sshwire_put_string(&w, data, len);
	sshwire_put_u32(&w, 0); /* flags */
	error = agent_ask(
	    fd, deadline_mono_ns, request, w.len, &answer, &answer_len);
	if (error != AGENT_OK)
		return error;
	error = agent_parse_signature(answer, answer_len, signature);
	free(answer);
	return error;
}
