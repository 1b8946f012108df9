/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dmctl/bundle.h"

static void
make(struct entry *e)
{
	memset(e, 0, sizeof(*e));
	strcpy(e->name, "config.json");
	e->signed_at_ns = 1;
	e->size = 3;
	memset(e->sha256, 1, sizeof(e->sha256));
	memset(e->signer, 2, sizeof(e->signer));
	memset(e->signature, 3, sizeof(e->signature));
}

static void
test_both_ways(void **state)
{
	uint8_t head[BUNDLE_HEAD_MAX + 3];
	struct entry e, again;
	size_t len;

	make(&e);
	len = bundle_format(&e, head);
	memcpy(head + len, "abc", 3);
	assert_int_equal(bundle_parse(head, len + 3, &again), len);
	assert_memory_equal(&again, &e, sizeof(e));
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(bundle_parse(head, cut, &again), 0);
}

static void
test_refused(void **state)
{
	uint8_t head[BUNDLE_HEAD_MAX];
	struct entry e, again;
	size_t len;

	make(&e);
	len = bundle_format(&e, head);
	head[0] = 'D';
	assert_int_equal(bundle_parse(head, len, &again), 0);
	head[0] = 'd';
	/* a length that is not the entry's */
	head[9]++;
	assert_int_equal(bundle_parse(head, len, &again), 0);
	head[9] = (uint8_t)(head[9] - 2);
	assert_int_equal(bundle_parse(head, len, &again), 0);
	head[8] = 0xff;
	assert_int_equal(bundle_parse(head, len, &again), 0);
	head[8] = head[9] = 0;
	assert_int_equal(bundle_parse(head, len, &again), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_ways),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
