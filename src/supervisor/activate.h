/* supervisor/activate.h - listening sockets that a service manager has opened already (sd_listen_fds(3)) */
#pragma once
#include <stdbool.h>

/* There are some, for this process. */
bool activate_is_due(void);
/* A descriptor of one's own for the socket of that name (FileDescriptorName=), close-on-exec and not blocking; -1: none. */
int activate_find(const char *name);
/* What was not asked for is closed, and nobody finds any again. */
void activate_over(void);
