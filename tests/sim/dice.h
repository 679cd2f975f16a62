/* sim/dice.h - chance from a seed: the same run again, wherever */
#pragma once
#include <stdint.h>

struct dice {
    uint64_t state;
};

uint64_t dice_throw(struct dice *d); /* any number */
uint32_t dice_below(struct dice *d, uint32_t bound); /* 0 to bound - 1; bound > 0 */
double dice_unit(struct dice *d); /* 0 to 1, 1 not among them */
double dice_bell(struct dice *d); /* mean 0, deviation 1 */
