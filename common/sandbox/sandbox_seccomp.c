/* SPDX-License-Identifier: ISC */
/*
 * When a child dies of SIGSYS: build with
 *
 *   make B=build/calls CPPFLAGS=-DDMD_DEBUG_SECCOMP
 *
 * and run it again. That build writes the name of every call that the filter
 * would have killed for, with its first three arguments, to stderr, makes the
 * call fail with EPERM and goes on. It never counts as having seccomp in force,
 * says so in the log and in dmctl status, and must not be installed.
 */
#include "common/sandbox/sandbox_seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "common/sandbox/sandbox_rules.h"

#ifdef DMD_DEBUG_SECCOMP
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#if defined(__x86_64__)
#define RESULT(uc) ((uc)->uc_mcontext.gregs[REG_RAX])
#define ARGUMENT_0(uc) ((uc)->uc_mcontext.gregs[REG_RDI])
#define ARGUMENT_1(uc) ((uc)->uc_mcontext.gregs[REG_RSI])
#define ARGUMENT_2(uc) ((uc)->uc_mcontext.gregs[REG_RDX])
#elif defined(__aarch64__)
#define RESULT(uc) ((uc)->uc_mcontext.regs[0])
#define ARGUMENT_0(uc) ((uc)->uc_mcontext.regs[0])
#define ARGUMENT_1(uc) ((uc)->uc_mcontext.regs[1])
#define ARGUMENT_2(uc) ((uc)->uc_mcontext.regs[2])
#else
#error "DMD_DEBUG_SECCOMP does not know the registers of this machine"
#endif

#define ACTION_KILL SCMP_ACT_TRAP
#define LAYER 0u

/* malloc(3) in a signal handler is no good: hence never more than a debug
 * build. */
static void
on_refused(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	char line[160], *name;
	int len;

	name = seccomp_syscall_resolve_num_arch(
	    SCMP_ARCH_NATIVE, info->si_syscall);
	len = snprintf(line, sizeof(line),
	    "seccomp: process %ld: %s (%d) 0x%llx 0x%llx 0x%llx\n",
	    (long)getpid(), name != NULL ? name : "?", info->si_syscall,
	    (unsigned long long)ARGUMENT_0(uc),
	    (unsigned long long)ARGUMENT_1(uc),
	    (unsigned long long)ARGUMENT_2(uc));
	free(name);
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) == -1)
		_exit(1);
	RESULT(uc) = -EPERM;
}

static int
debug_begin(void)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_NODEFER};

	action.sa_sigaction = on_refused;
	log_warn("debug build: seccomp only logs, there is no sandbox");
	return sigaction(SIGSYS, &action, NULL);
}
#else
#define ACTION_KILL SCMP_ACT_KILL_PROCESS
#define LAYER SANDBOX_SECCOMP
#endif

/* errno values mean: this kernel was built without, or is too old. */
static bool
is_available(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0u, &action) == 0;
}

/* libseccomp returns -errno everywhere. */
static int
failed(int rc)
{
	errno = rc < 0 ? -rc : EINVAL;
	return -1;
}

/* Negative: this architecture has no such call (open, poll... on aarch64). */
static int
rule_number(const struct sandbox_rule *rule)
{
	int number = seccomp_syscall_resolve_name(rule->name);

	return number == __NR_SCMP_ERROR && rule->number != 0 ? rule->number
							      : number;
}

static int
rule_add(scmp_filter_ctx filter, const struct sandbox_rule *rule)
{
	struct scmp_arg_cmp compare[SANDBOX_CONDITIONS_MAX];
	int number = rule_number(rule), rc;
	unsigned n = 0;

	if (number < 0)
		return 0;
	for (unsigned i = 0; i < SANDBOX_CONDITIONS_MAX; i++)
		if (rule->conditions[i].mask != 0)
			compare[n++] = SCMP_CMP64(rule->conditions[i].argument,
			    SCMP_CMP_MASKED_EQ, rule->conditions[i].mask,
			    rule->conditions[i].value);
	rc = seccomp_rule_add_array(filter,
	    rule->error != 0 ? SCMP_ACT_ERRNO((uint16_t)rule->error)
			     : SCMP_ACT_ALLOW,
	    number, n, compare);
	return rc == 0 ? 0 : failed(rc);
}

static int
groups_add(scmp_filter_ctx filter, const struct sandbox_policy *policy)
{
	const struct sandbox_rule *rule;

	for (unsigned i = 0;
	     i < SANDBOX_GROUPS_MAX && policy->groups[i] != NULL; i++)
		for (rule = policy->groups[i]; rule->name != NULL; rule++)
			if (rule_add(filter, rule) == -1)
				return -1;
	return 0;
}

/* abort(3): so that it ends as SIGABRT and not as a broken rule. */
static int
own_signals_add(scmp_filter_ctx filter)
{
	const struct sandbox_rule rule = {.name = "tgkill",
	    .conditions = {{0, UINT64_C(0xffffffff), (uint64_t)getpid()}}};

	return rule_add(filter, &rule);
}

/*
 * TSYNC: all threads. BADARCH: a call through another ABI of this machine
 * (i386, x32) would pass by number what another number means.
 */
static int
attributes_set(scmp_filter_ctx filter, const struct sandbox_policy *policy)
{
	int rc;

	if ((rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1)) != 0 ||
	    (rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
		 SCMP_ACT_KILL_PROCESS)) != 0 ||
	    (rc = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1)) != 0)
		return failed(rc);
	/* the deny-list kills nobody: have the audit log tell of it */
	if (policy->is_deny_list &&
	    (rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1)) != 0)
		return failed(rc);
	return 0;
}

int
sandbox_seccomp(enum role role, uint32_t *layers)
{
	const struct sandbox_policy *policy = sandbox_policy(role);
	scmp_filter_ctx filter;
	int rc = -1, load;

	if (!is_available())
		return 0;
	filter =
	    seccomp_init(policy->is_deny_list ? SCMP_ACT_ALLOW : ACTION_KILL);
	if (filter == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (attributes_set(filter, policy) == -1 ||
	    groups_add(filter, policy) == -1 ||
	    (!policy->is_deny_list && own_signals_add(filter) == -1))
		goto out;
#ifdef DMD_DEBUG_SECCOMP
	if (!policy->is_deny_list && debug_begin() == -1)
		goto out;
#endif
	load = seccomp_load(filter);
	if (load != 0) {
		failed(load);
		goto out;
	}
	*layers |= LAYER;
	rc = 0;
out:
	seccomp_release(filter);
	return rc;
}

void
sandbox_seccomp_version(unsigned int parts[3])
{
	const struct scmp_version *version = seccomp_version();

	parts[0] = version->major;
	parts[1] = version->minor;
	parts[2] = version->micro;
}
