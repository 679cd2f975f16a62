/* lib/clock.h - the two clocks and the dice */
#pragma once
#include <stdint.h>

/* Milliseconds that never jump: for deadlines. */
uint64_t clock_ms(void);
/* Milliseconds since 1970: for keys. */
uint64_t clock_unix_ms(void);
/* Uniform in 0..most. */
uint32_t clock_dice(uint32_t most);
/* bytes <= 256 from the kernel's generator. */
void clock_random(void *into, unsigned bytes);
