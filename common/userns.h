/* User namespaces: user_namespaces(7). An ordinary user is root only inside one of their own. */
#ifndef COMMON_USERNS_H
#define COMMON_USERNS_H

#include <stdbool.h>

/* Are our ids mapped, as in a user namespace other than the machine's own? Root in there may do
 * less. Keeps errno. */
bool in_user_namespace(void);

/* The setting that keeps ordinary users from user namespaces here, as sysctl(8) would change it:
 * "user.max_user_namespaces=10000"; NULL where none of those that are known does. Keeps errno. */
const char *userns_remedy(void);

/*
 * What to do when a user namespace, or what its root needs, was refused with errnum: ENOSPC, EPERM
 * or EACCES; "" for any other. The text holds until the next call. Keeps errno.
 */
const char *hint_userns(int errnum);

#endif
