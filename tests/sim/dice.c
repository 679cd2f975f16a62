/* sim/dice.c - numbers that a counter makes by being stirred (the finaliser of MurmurHash3) */
#include "sim/dice.h"

uint64_t dice_throw(struct dice *d)
{
    uint64_t x = d->state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

uint32_t dice_below(struct dice *d, uint32_t bound)
{
    return (uint32_t)((dice_throw(d) >> 32) * bound >> 32);
}

double dice_unit(struct dice *d)
{
    return (double)(dice_throw(d) >> 11) / 9007199254740992.0;
}

/* Twelve throws added up are as good as a bell here. */
double dice_bell(struct dice *d)
{
    double sum = -6;

    for (int k = 0; k < 12; k++)
        sum += dice_unit(d);
    return sum;
}
