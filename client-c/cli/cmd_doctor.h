/* cli/cmd_doctor.h - command: doctor */
#pragma once
#include "cli/cli.h"

/* Looks at each thing that can be wrong and says what it found; answers the exit code of the first. */
int cmd_doctor(struct cli *c);
