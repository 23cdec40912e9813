/*
 * namespace_prog: child 1 in new UTS and PID namespaces, child 2 joins both
 *
 *     sudo ./namespace_prog        (gcc -o namespace_prog namespace_prog.c)
 *
 * The parent clones child 1, which sets its hostname. Then it opens a descriptor of child 1 and calls
 * setns with it: its next child is born in child 1's PID namespace. That is child 2, which joins the
 * UTS namespace itself. Each prints its PID and hostname.
 *
 * See clone(2), pidfd_open(2), setns(2), fork(2), pid_namespaces(7), uts_namespaces(7).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <error.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What stands for a part that is not written yet. */
#define TODO(part) error(1, 0, "part %s is not written yet", part)

static char stack[1024 * 1024];
static int ready[2]; /* child 1 writes a byte: it has its hostname and has printed */
static int done[2];  /* the parent closes it: child 1 may end, and its namespaces with it */

static void print_line(void)
{
	printf("----------------------------------------\n");
}

static void print_process(const char *name)
{
	char hostname[256];
	if (gethostname(hostname, sizeof(hostname)) < 0)
		error(1, errno, "cannot read the hostname");
	printf("%s Process PID: %d\n", name, (int)getpid());
	printf("%s Hostname: %s\n", name, hostname);
	print_line();
}

static int child1(void *arg)
{
	(void)arg;
	char byte = 0;
	close(ready[0]);
	close(done[1]);
	if (sethostname("Child1Hostname", strlen("Child1Hostname")) < 0)
		error(1, errno, "child 1: cannot set the hostname");
	print_process("Child1");
	if (write(ready[1], &byte, 1) != 1)
		error(1, errno, "child 1: cannot write to the pipe");
	if (read(done[0], &byte, 1) < 0) /* end of file, when the parent closes the other end */
		error(1, errno, "child 1: cannot read from the pipe");
	return 0;
}

static void child2(int pidfd)
{
	/* SOLUTION 1: join child 1's UTS namespace: setns(2) */
	if (setns(pidfd, CLONE_NEWUTS) < 0)
		error(1, errno, "child 2: cannot join the UTS namespace");
	/* END 1 */
	print_process("Child2");
}

static pid_t make_child1(void)
{
	pid_t pid = -1;
	/* SOLUTION 1: run child1 in a new UTS and a new PID namespace: clone(2) */
	pid = clone(child1, stack + sizeof(stack), CLONE_NEWUTS | CLONE_NEWPID | SIGCHLD, NULL);
	/* END 1 */
	if (pid < 0)
		error(1, errno, "cannot make child 1 (root?)");
	return pid;
}

static pid_t make_child2(pid_t pid1)
{
	pid_t pid = -1;
	/* SOLUTION 1: a child born in pid1's PID namespace, which runs child2: pidfd_open(2), setns(2), fork(2) */
	int pidfd = (int)syscall(SYS_pidfd_open, pid1, 0);
	if (pidfd < 0 || setns(pidfd, CLONE_NEWPID) < 0)
		error(1, errno, "cannot enter child 1's PID namespace");
	pid = fork();
	if (pid == 0) {
		close(done[1]); /* or child 1 would never see its end */
		child2(pidfd);
		_exit(0);
	}
	close(pidfd);
	/* END 1 */
	if (pid < 0)
		error(1, errno, "cannot make child 2");
	return pid;
}

static void await(pid_t pid)
{
	int status;
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		error(1, 0, "a child failed");
}

int main(void)
{
	char byte;
	setvbuf(stdout, NULL, _IOLBF, 0); /* or children would print the parent's lines again */
	if (pipe(ready) < 0 || pipe(done) < 0)
		error(1, errno, "cannot make a pipe");

	print_line();
	print_process("Parent");
	pid_t pid1 = make_child1();
	close(ready[1]);
	close(done[0]);
	if (read(ready[0], &byte, 1) != 1)
		error(1, 0, "child 1 failed");
	print_process("Parent");
	await(make_child2(pid1));
	print_process("Parent");
	close(done[1]);
	await(pid1);
	return 0;
}
