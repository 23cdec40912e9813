/* Which descriptors the lab's processes hold. COMMAND gets what the caller had; nobody else may. */
#include "lab.h"

#include "common/cleanup.h"
#include "common/syscalls.h"

#include <fcntl.h>
#include <unistd.h>

void descriptors_open_standard(void)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	close_fd(&fd);
}

int descriptors_drop(int keep)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	int kept = keep < 0 ? STDERR_FILENO : dup2(keep, STDERR_FILENO + 1);
	sys_close_range((unsigned)kept + 1, ~0U, 0);
	return kept;
}
