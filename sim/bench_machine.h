/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine does while its speed is measured: the first layer of a bundled trace, all heads in a row,
 * from a memory that answers after 50 cycles. */
#ifndef SANGER_BENCH_MACHINE_H
#define SANGER_BENCH_MACHINE_H

#include "dut.h"
#include "tape.h"

enum { BENCH_TRIES = 3 };

/* False: the design takes the heads of no bundled trace. */
bool bench_machine_fits(const design_t *d);

/* Tapes the run with a model of b's type. False with one line in error. */
bool bench_machine_record(tape_t *tape, const block_t *b, char error[DUT_ERROR_MAX]);

/* Cycles a second of machine_pass, which computes passes as a whole, in the same run; 0 where it does not
   take the design. The memory's time counts: where nothing is taped, it answers. False with one line in
   error. */
bool bench_machine_passes(const design_t *d, double seconds, double *cycles_per_s, char error[DUT_ERROR_MAX]);

#endif
