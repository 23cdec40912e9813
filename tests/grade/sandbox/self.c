/*
 * Processes of the world can open what /proc/PID/exe names, and once nobody executes it any more,
 * write to it: the program that the judge will run next (CVE-2019-5736).
 */
#include "world.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/syscalls.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

int become_unwritable(char *const argv[])
{
	AUTO_CLOSE int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals = from < 0 ? -1 : fcntl(from, F_GET_SEALS); /* -1: no file in memory */
	if (seals >= 0 && (seals & SEALS) == SEALS) {
		prctl(PR_SET_NAME, "world"); /* the kernel called it by a number */
		return 0;
	}
	AUTO_CLOSE int copy = memfd_create("world", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (from >= 0 && copy >= 0 && copy_data(from, copy) == 0 &&
	    fcntl(copy, F_ADD_SEALS, SEALS) == 0)
		syscall(SYS_execveat, copy, "", argv, environ, AT_EMPTY_PATH);
	report_errno("", "cannot execute a copy of itself that nobody can write");
	return -1;
}
