/* supervisor/notify.h - what a service manager is told (sd_notify(3)): one datagram to $NOTIFY_SOCKET */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1" ...; nothing when nobody asked. */
void notify_say(const char *state);
/* Somebody asked. */
bool notify_is_due(void);
/* How often WATCHDOG=1 is expected at least, half of $WATCHDOG_USEC; 0: not at all. */
uint64_t notify_watchdog_ms(void);
