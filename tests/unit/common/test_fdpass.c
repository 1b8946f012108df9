/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fdpass.h"

static int near_fd, far_fd;

static int
open_pair(void **state)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	near_fd = pair[0];
	far_fd = pair[1];
	return 0;
}

static int
close_pair(void **state)
{
	close(near_fd);
	close(far_fd);
	return 0;
}

/* True once every copy of the write end is closed. */
static bool
is_write_end_gone(int pipe_fd)
{
	char c;

	return read(pipe_fd, &c, 1) == 0;
}

static void
send_fds(const int *fds, size_t n)
{
	char space[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct iovec iov = {(char[]){'x'}, 1};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = space,
	    .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	assert_int_equal(sendmsg(near_fd, &msg, 0), 1);
}

static void
test_bytes_alone(void **state)
{
	struct fdpass_extra extra;
	char buf[8];

	assert_int_equal(fdpass_send(near_fd, "hello", 5, -1, 0), 5);
	assert_int_equal(
	    fdpass_receive(far_fd, buf, sizeof(buf), true, &extra), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(extra.fd, -1);
	assert_false(extra.is_strange);
	assert_false(extra.is_cut);
}

static void
test_one_descriptor(void **state)
{
	struct fdpass_extra extra;
	int ends[2];
	char buf[8];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(
	    fdpass_send(near_fd, "x", 1, ends[1], MSG_DONTWAIT), 1);
	close(ends[1]);
	assert_int_equal(
	    fdpass_receive(far_fd, buf, sizeof(buf), true, &extra), 1);
	assert_int_not_equal(extra.fd, -1);
	assert_false(extra.is_strange);
	assert_int_equal(fcntl(extra.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(extra.fd, "y", 1), 1);
	assert_int_equal(read(ends[0], buf, 1), 1);
	close(extra.fd);
	assert_true(is_write_end_gone(ends[0]));
	close(ends[0]);
}

static void
test_more_than_one(void **state)
{
	struct fdpass_extra extra;
	int ends[2];
	char buf[8];

	for (size_t n = 2; n <= 4; n++) {
		assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
		send_fds((int[4]){ends[1], ends[1], ends[1], ends[1]}, n);
		close(ends[1]);
		assert_int_equal(
		    fdpass_receive(far_fd, buf, sizeof(buf), true, &extra), 1);
		assert_true(extra.is_strange);
		close(extra.fd);
		assert_true(is_write_end_gone(ends[0]));
		close(ends[0]);
	}
}

static void
test_none_may_come(void **state)
{
	struct fdpass_extra extra;
	int ends[2];
	char buf[8];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(fdpass_send(near_fd, "x", 1, ends[1], 0), 1);
	close(ends[1]);
	assert_int_equal(
	    fdpass_receive(far_fd, buf, sizeof(buf), false, &extra), 1);
	assert_int_equal(extra.fd, -1);
	assert_true(extra.is_strange);
	assert_true(is_write_end_gone(ends[0]));
	close(ends[0]);
}

static void
test_other_control_data(void **state)
{
	struct fdpass_extra extra;
	char buf[8];
	int on = 1;

	assert_int_equal(
	    setsockopt(far_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	assert_int_equal(fdpass_send(near_fd, "x", 1, -1, 0), 1);
	assert_int_equal(
	    fdpass_receive(far_fd, buf, sizeof(buf), true, &extra), 1);
	assert_int_equal(extra.fd, -1);
	assert_true(extra.is_strange);
}

static void
test_too_long_and_nothing(void **state)
{
	struct fdpass_extra extra;
	char buf[2];

	assert_int_equal(fdpass_send(near_fd, "abc", 3, -1, 0), 3);
	assert_int_equal(
	    fdpass_receive(far_fd, buf, sizeof(buf), true, &extra), 2);
	assert_true(extra.is_cut);
	assert_false(extra.is_strange);

	assert_int_equal(
	    fdpass_receive(far_fd, buf, sizeof(buf), true, &extra), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(extra.fd, -1);
	assert_false(extra.is_cut);
}

static void
test_the_other_end_is_gone(void **state)
{
	struct fdpass_extra extra;
	char buf[2];

	shutdown(near_fd, SHUT_RDWR);
	assert_int_equal(
	    fdpass_receive(far_fd, buf, sizeof(buf), true, &extra), 0);
	assert_int_equal(extra.fd, -1);
	/* and no SIGPIPE */
	assert_int_equal(fdpass_send(far_fd, "x", 1, -1, 0), -1);
	assert_int_equal(errno, EPIPE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bytes_alone),
		TEST(test_one_descriptor),
		TEST(test_more_than_one),
		TEST(test_none_may_come),
		TEST(test_other_control_data),
		TEST(test_too_long_and_nothing),
		TEST(test_the_other_end_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
