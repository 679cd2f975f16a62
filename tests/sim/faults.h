/* sim/faults.h - what goes wrong, when, from the seed */
#pragma once
#include "sim/database.h"

struct faults {
    struct database *database;
    uint32_t processes;
    uint64_t until_us;              /* then everything is healed */
    bool may_fail_over;             /* with a loss */
    bool is_calm;                   /* nothing breaks: nodes come and go as they should */
    bool is_deadly;                 /* nodes die, and nothing else happens */
    uint32_t count;
};

void faults_begin(struct faults *f);
