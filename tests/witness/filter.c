#include "filter.h"

#include "calls.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_INSTRUCTIONS = 96 };

struct filter {
	struct sock_filter code[MAX_INSTRUCTIONS];
	unsigned short size;
};

static void add(struct filter *filter, struct sock_filter instruction)
{
	if (filter->size < MAX_INSTRUCTIONS)
		filter->code[filter->size++] = instruction;
}

static void load(struct filter *filter, size_t offset)
{
	add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void give(struct filter *filter, unsigned result)
{
	add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, result));
}

/* The low half of argument number index: its place depends on the machine's byte order. */
static size_t argument(int index)
{
	size_t low = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(uint32_t) : 0;
	return offsetof(struct seccomp_data, args) + (size_t)index * sizeof(uint64_t) + low;
}

/* The number of the call is loaded: stop at this one. */
static void stop_at(struct filter *filter, unsigned number)
{
	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
	give(filter, SECCOMP_RET_TRACE);
}

/* The number is loaded: stop at this call if its argument has one of these bits; else let it go. */
static void stop_at_bits(struct filter *filter, unsigned number, int index, unsigned bits)
{
	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4));
	load(filter, argument(index));
	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
	give(filter, SECCOMP_RET_TRACE);
	give(filter, SECCOMP_RET_ALLOW);
}

/* The rules for one of the machine's tables of calls; the number is loaded. */
static void add_table(struct filter *filter, const struct call_table *table)
{
	for (const struct call_number *call = table->calls; call->call != CALL_OTHER; call++) {
		if (call->call == CALL_CLONE) /* only where it would escape */
			stop_at_bits(filter, call->number, 0, CLONE_UNTRACED);
		else if (call->call == CALL_SECCOMP)
			stop_at_bits(filter, call->number, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER);
		else
			stop_at(filter, call->number);
	}
	give(filter, SECCOMP_RET_ALLOW);
}

/* A table's rules are jumped over where the architecture is another, and a jump reaches 255. */
static void build(struct filter *filter)
{
	for (const struct call_table *table = call_tables; table->calls; table++) {
		struct filter rules = { 0 };
		load(&rules, offsetof(struct seccomp_data, nr));
		/* x32 is x86_64 with this bit in its numbers: the same calls. */
		add(&rules, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~CALL_X32_BIT));
		add_table(&rules, table);
		load(filter, offsetof(struct seccomp_data, arch));
		add(filter,
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, table->architecture, 0,
						 (unsigned char)rules.size));
		for (int i = 0; i < rules.size; i++)
			add(filter, rules.code[i]);
	}
	give(filter,
	     SECCOMP_RET_TRACE); /* an architecture without a table: the tracer will say so */
}

int filter_install(void)
{
	struct filter filter = { 0 };
	if (!call_tables[0].calls) {
		errno = ENOSYS;
		return -1;
	}
	build(&filter);
	struct sock_fprog program = { .len = filter.size, .filter = filter.code };
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		return 0;
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : -1;
}
