/* Root's rights in parts: capabilities(7). */
#include "confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * What docker leaves a container by default. With these, package managers and servers work as
 * root; none of them reaches past the container's own namespaces, files and processes.
 */
static const int kept[] = {
	CAP_CHOWN,	      /* give files away, within the container's root */
	CAP_DAC_OVERRIDE,     /* read and write files whatever their mode (not DAC_READ_SEARCH,
				 which opens files by handle, the whole file system's) */
	CAP_FOWNER,	      /* chmod and delete what belongs to others */
	CAP_FSETID,	      /* keep set-user-ID bits, when writing */
	CAP_KILL,	      /* signal any process of the container */
	CAP_SETGID,	      /* servers that start as root and go on as a user */
	CAP_SETUID,	      /* the same */
	CAP_SETPCAP,	      /* give up capabilities */
	CAP_NET_BIND_SERVICE, /* ports below 1024 */
	CAP_NET_RAW,	      /* ping; the firewall drops what is forged */
	CAP_SYS_CHROOT,	      /* chroot, which is no way out of a pivoted root */
	CAP_MKNOD,	      /* device nodes, of which the device filter opens the harmless ones */
	CAP_AUDIT_WRITE,      /* login and su tell the audit log */
	CAP_SETFCAP,	      /* file capabilities, within the bounding set */
};

static uint64_t kept_mask(bool mknod)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		mask |= UINT64_C(1) << kept[i];
	return mknod ? mask : mask & ~(UINT64_C(1) << CAP_MKNOD);
}

/* A capability that isn't in the bounding set can't come back by executing a program either. */
static int limit_bounding_set(uint64_t mask)
{
	for (int capability = 0; capability < 64; capability++) {
		if (mask >> capability & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return errno == EINVAL ? 0 : -1; /* past the kernel's last */
	}
	return 0;
}

int capabilities_limit(bool mknod)
{
	uint64_t mask = kept_mask(mknod);
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];
	if (syscall(SYS_capget, &header, sets) < 0)
		return -1;
	for (int half = 0; half < 2; half++) {
		sets[half].permitted &= (uint32_t)(mask >> 32 * half); /* we may lack some */
		sets[half].effective = sets[half].permitted;
		sets[half].inheritable = 0; /* and so ambient: CVE-2022-24769 */
	}
	if (limit_bounding_set(mask) < 0 || syscall(SYS_capset, &header, sets) < 0)
		return -1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}
