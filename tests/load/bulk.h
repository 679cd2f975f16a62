/* load/bulk.h - accounts with a device and a token each, straight into a server's database */
#pragma once
#include "load/setup.h"

/* The rows that registering and logging in would have made, in seconds for 100,000 of them: hashing their passwords
 * would take the server 70 ms each, twice. Nobody can log in to them by password. Handles are there already; ids and
 * tokens are filled in. False: the database does not take them, and stderr says why. */
bool bulk_accounts(const char *conninfo, struct setup_account *const *account, uint32_t count);
