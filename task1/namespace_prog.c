/*
 * namespace_prog - two namespaces, two children, three system calls
 *
 *     namespace_prog [--namespaces]
 *
 * What it does, in this order:
 *   1. clone(2) with CLONE_NEWUTS | CLONE_NEWPID makes child 1 in a new UTS and a new PID
 * namespace. It is PID 1 there, and the hostname that it sets is nobody else's.
 *   2. No flag of clone puts a child into a namespace that exists already. So the parent opens a
 *      descriptor of child 1 with pidfd_open(2), and calls setns(2) with it and CLONE_NEWPID: the
 *      parent itself stays where it is, but its next child is born in child 1's PID namespace.
 *   3. fork(2) makes that child, PID 2 there. Child 2 then joins child 1's UTS namespace by
 *      setns(2) with CLONE_NEWUTS, which works on the caller at once.
 * The parent, child 1, the parent, child 2 and the parent once more print their PID and hostname.
 * With --namespaces each also prints which namespaces it is in, by their inode numbers.
 *
 * Needs Linux 5.8 and CAP_SYS_ADMIN: root, or tests/lab/lab, which needs no root.
 * Leaves nothing behind. Exit status: 0, 1 when it or a child failed, 2 for a wrong call.
 *
 * See clone(2), pidfd_open(2), setns(2), namespaces(7), pid_namespaces(7),
 * uts_namespaces(7).
 */
#include "common/cleanup.h"
#include "common/error.h"
#include "common/namespace.h"
#include "common/process.h"
#include "common/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEPARATOR "----------------------------------------"

/* Two pipes between the parent and child 1; [0] is the end to read from, [1] the one to write to.
 */
struct pipes {
	int ready[2];	/* child 1 writes a byte: "I have set my hostname and printed" */
	int release[2]; /* nothing is ever written; the parent closes it: "you may end" */
};

static bool show_namespaces;

static const char *hint(int errnum)
{
	if (errnum == EPERM && geteuid() != 0 && !userns_remedy())
		return "needs root: try sudo, or tests/lab/lab task1/namespace_prog, which needs "
		       "none";
	return hint_namespace(errnum);
}

static void print_namespaces(void)
{
	ino_t inode;
	for (const struct namespace_kind *kind = namespace_kinds; kind->name; kind++) {
		if (namespace_inode(0, kind->name, &inode) == 0)
			printf("    %s: %lu\n", kind->name, (unsigned long)inode);
	}
	/* Where the next child will be born: this is what setns changes for the parent. */
	if (namespace_inode(0, "pid_for_children", &inode) == 0)
		printf("    pid_for_children: %lu\n", (unsigned long)inode);
}

/* Prints what the kernel tells the calling process about itself. False if it can't be printed. */
static bool print_process(const char *who)
{
	char hostname[HOST_NAME_MAX + 1];
	if (gethostname(hostname, sizeof(hostname)) < 0) {
		report_errno("", "cannot read the hostname");
		return false;
	}
	printf(SEPARATOR "\n");
	printf("%s Process PID: %d\n", who, (int)getpid());
	printf("%s Hostname: %s\n", who, hostname);
	if (show_namespaces)
		print_namespaces();
	if (fflush(stdout) == EOF || ferror(stdout)) {
		report_errno("", "cannot write to standard output");
		return false;
	}
	return true;
}

/* Waits for a child's end. True if all went well; a child that failed has said why itself. */
static bool ended_well(const char *who, pid_t pid)
{
	int status = wait_for(pid);
	if (status < 0)
		report_errno("", "cannot wait for %s", who);
	if (status > 128)
		report("%s was killed by signal %d", who, status - 128);
	return status == 0;
}

/* SOLUTION 1: child1(pipes): name, print, say it, stay: sethostname(2), write(2), read(2) */
/* Child 1's whole life; what it returns becomes its exit status. */
static int child1(void *arg)
{
	/* The reader of a pipe sees its end when the *last* writing end is closed. The child has a
	 * copy of every descriptor: while it held this one, it would wait for itself for ever. */
	struct pipes *pipes = arg;
	close(pipes->release[1]);

	const char *name = "Child1Hostname";
	if (sethostname(name, strlen(name)) < 0) {
		report_errno("", "child 1: cannot set the hostname");
		return EXIT_OWN_FAILURE;
	}
	if (!print_process("Child1") || write(pipes->ready[1], "!", 1) != 1)
		return EXIT_OWN_FAILURE;

	/* PID 1 is the namespace's init. When it ends, the kernel kills every other process of the
	 * namespace and lets no new one in. So it stays until child 2 is done. */
	char byte;
	return read(pipes->release[0], &byte, 1) == 0 ? 0 : EXIT_OWN_FAILURE;
}
/* END 1 */

/* Starts child 1. Its PID as the parent sees it, or -1. */
static pid_t start_child1(struct pipes *pipes)
{
	pid_t pid = -1;
	/* SOLUTION 1: child1(pipes) in a new UTS and a new PID namespace: clone(2) */
	/* Unlike fork, glibc's clone starts the child in a function of its own, on a stack that the
	 * caller brings: its upper end, as stacks grow downwards. Without CLONE_VM the memory is
	 * copied, as fork does it, so both may use the same array. SIGCHLD makes it a child that
	 * waitpid(2) waits for. */
	static char stack[256 * 1024] __attribute__((aligned(16)));
	int flags = CLONE_NEWUTS | CLONE_NEWPID | SIGCHLD;
	pid = clone(child1, stack + sizeof(stack), flags, pipes);
	/* END 1 */
	if (pid < 0)
		report_errno(hint(errno), "cannot clone into new UTS and PID namespaces");
	/* Child 1 has its own copy of this end; only as long as it lives is there a writer. */
	close(pipes->ready[1]);
	return pid;
}

/* Waits until child 1 has printed. False if it ended without: then nobody holds the pipe's other
 * end, and read returns 0. */
static bool child1_is_ready(struct pipes *pipes)
{
	char byte;
	return read(pipes->ready[0], &byte, 1) == 1;
}

/* SOLUTION 1: child2(pidfd): joins child 1's UTS namespace, and prints: setns(2) */
/* Child 2's whole life. It was born in child 1's PID namespace, but in the parent's UTS namespace.
 */
static int child2(int pidfd)
{
	if (setns(pidfd, CLONE_NEWUTS) < 0) {
		report_errno(hint(errno), "child 2: cannot join child 1's UTS namespace");
		return EXIT_OWN_FAILURE;
	}
	return print_process("Child2") ? 0 : EXIT_OWN_FAILURE;
}
/* END 1 */

/* Makes child 2 in the namespaces of the process pid1, and waits for its end. */
static bool run_child2(pid_t pid1)
{
	/* A PID is a number that may be another process's tomorrow; a pidfd stays with its process.
	 * glibc has a function pidfd_open since 2.36 only. */
	AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid1, 0);
	if (pidfd < 0) {
		report_errno("", "cannot open a pidfd of child 1");
		return false;
	}
	/* SOLUTION 1: child2(pidfd), born in child 1's PID namespace: setns(2), fork(2) */
	/* A process never changes its own PID namespace, as it would have to change its PID. */
	if (setns(pidfd, CLONE_NEWPID) < 0) {
		report_errno(hint(errno), "cannot join child 1's PID namespace");
		return false;
	}
	pid_t pid2 = fork();
	if (pid2 < 0) {
		report_errno("", "cannot fork child 2");
		return false;
	}
	if (pid2 == 0)
		_exit(child2(pidfd));
	return ended_well("child 2", pid2);
	/* END 1 */
}

int main(int argc, char *argv[])
{
	error_context("namespace_prog", NULL);
	show_namespaces = argc == 2 && !strcmp(argv[1], "--namespaces");
	if (argc > 1 && !show_namespaces)
		die(EXIT_USAGE, "usage: namespace_prog [--namespaces]");

	/* Into a pipe or a file stdio writes late, when its buffer is full. clone and fork would
	 * copy what waits in there, and it would come out twice: so write line by line. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!print_process("Parent"))
		return EXIT_OWN_FAILURE;

	struct pipes pipes;
	if (pipe2(pipes.ready, O_CLOEXEC) < 0 || pipe2(pipes.release, O_CLOEXEC) < 0)
		die_errno(EXIT_OWN_FAILURE, "", "cannot make a pipe");
	pid_t pid1 = start_child1(&pipes);
	if (pid1 < 0)
		return EXIT_OWN_FAILURE;

	bool well = child1_is_ready(&pipes) && print_process("Parent") && run_child2(pid1);

	/* However it went, child 1 ends now and is waited for: nothing stays behind. */
	close(pipes.release[1]);
	well = ended_well("child 1", pid1) && well;
	if (!well || !print_process("Parent"))
		return EXIT_OWN_FAILURE;
	printf(SEPARATOR "\n");
	return ferror(stdout) ? EXIT_OWN_FAILURE : 0;
}
