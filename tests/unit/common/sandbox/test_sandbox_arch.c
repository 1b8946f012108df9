/* SPDX-License-Identifier: ISC */
/*
 * The seccomp rules on the machines that dmd runs on. A name that a machine
 * does not have is left out of its filter, in silence: so the call that the C
 * library makes there instead must have a rule as well, with the same
 * conditions. `test_sandbox_arch --dump` prints the rules as this machine has
 * them, a line for each, so that two machines can be compared.
 */
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/sandbox/sandbox_rules.h"

/* From here on a new call has the same number on every machine. */
#define FIRST_COMMON_NUMBER 424

/* Calls of x86-64 that aarch64 lacks, and what stands for them there. */
static const struct instead {
	const char *name, *instead;
	unsigned shift; /* of the arguments: openat has one more in front */
} replaced[] = {
    {"time", "clock_gettime", 0},
    {"epoll_create", "epoll_create1", 0},
    {"epoll_wait", "epoll_pwait", 0},
    {"poll", "ppoll", 0},
    {"open", "openat", 1},
    {"stat", "newfstatat", 1},
#ifdef DMD_SANITIZER
    {"pipe", "pipe2", 0},
    {"readlink", "readlinkat", 1},
    {"fork", "clone", 0},
    {"vfork", "clone", 0},
#endif
};

/* Refused calls that only x86-64 has, or not even that: umount(2) without
 * flags is umount2 on both. Nothing stands for them on aarch64. */
static const char *const of_others[] = {
    "iopl", "ioperm", "modify_ldt", "uselib", "umount"};

static const struct sandbox_rule *
rule_of(const struct sandbox_policy *policy, const char *name)
{
	const struct sandbox_rule *r;

	for (unsigned i = 0; i < SANDBOX_GROUPS_MAX && policy->groups[i]; i++)
		for (r = policy->groups[i]; r->name != NULL; r++)
			if (strcmp(r->name, name) == 0)
				return r;
	return NULL;
}

static bool
is_of_others(const char *name)
{
	for (size_t i = 0; i < sizeof(of_others) / sizeof(of_others[0]); i++)
		if (strcmp(of_others[i], name) == 0)
			return true;
	return false;
}

static const struct instead *
instead_of(const char *name)
{
	for (size_t i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++)
		if (strcmp(replaced[i].name, name) == 0)
			return &replaced[i];
	return NULL;
}

static void
assert_same_conditions(const struct sandbox_rule *rule,
    const struct sandbox_rule *other, unsigned shift)
{
	assert_int_equal(rule->error, other->error);
	for (unsigned i = 0; i < SANDBOX_CONDITIONS_MAX; i++) {
		assert_true(
		    rule->conditions[i].mask == other->conditions[i].mask);
		assert_true(
		    rule->conditions[i].value == other->conditions[i].value);
		if (rule->conditions[i].mask != 0)
			assert_int_equal(rule->conditions[i].argument + shift,
			    other->conditions[i].argument);
	}
}

static void
check_rule(enum role role, const struct sandbox_policy *policy,
    const struct sandbox_rule *rule)
{
	int there =
	    seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, rule->name);
	const struct sandbox_rule *other;
	const struct instead *instead;

	if (rule->number != 0) {
		assert_true(rule->number >= FIRST_COMMON_NUMBER);
		return;
	}
	if (there == __NR_SCMP_ERROR)
		fail_msg("%s is no system call of any machine", rule->name);
	if (there >= 0) {
		if (seccomp_syscall_resolve_name_arch(
			SCMP_ARCH_X86_64, rule->name) < 0)
			fail_msg("x86-64 has no %s", rule->name);
		return;
	}
	if (policy->is_deny_list && is_of_others(rule->name))
		return;
	instead = instead_of(rule->name);
	if (instead == NULL)
		fail_msg("aarch64 has no %s, and nothing is named that it has "
			 "instead",
		    rule->name);
	other = rule_of(policy, instead->instead);
	if (other == NULL)
		fail_msg("aarch64 has no %s, and %s has no rule", rule->name,
		    instead->instead);
	assert_same_conditions(rule, other, instead->shift);
}

typedef void rule_fn(
    enum role, const struct sandbox_policy *, const struct sandbox_rule *);

static void
each_rule(rule_fn *fn)
{
	const struct sandbox_policy *policy;
	const struct sandbox_rule *r;

	for (enum role role = 0; role < ROLE_COUNT; role++) {
		policy = sandbox_policy(role);
		for (unsigned i = 0;
		     i < SANDBOX_GROUPS_MAX && policy->groups[i] != NULL; i++)
			for (r = policy->groups[i]; r->name != NULL; r++)
				fn(role, policy, r);
	}
}

static void
test_both_machines(void **state)
{
	each_rule(check_rule);
}

/* --- the rules of this machine, to be compared ------------------------- */

static void
dump_rule(enum role role, const struct sandbox_policy *policy,
    const struct sandbox_rule *rule)
{
	printf("%s %s error=%d", role_name(role), rule->name, rule->error);
	for (unsigned i = 0; i < SANDBOX_CONDITIONS_MAX; i++)
		if (rule->conditions[i].mask != 0)
			printf(" argument %u & %#llx == %#llx",
			    rule->conditions[i].argument,
			    (unsigned long long)rule->conditions[i].mask,
			    (unsigned long long)rule->conditions[i].value);
	printf("\n");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_machines),
	};

	if (argc == 2 && strcmp(argv[1], "--dump") == 0) {
		each_rule(dump_rule);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
