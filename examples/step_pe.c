/* SPDX-License-Identifier: Apache-2.0 */
/* Steps one processing element of a design: 1.5 * 2 + 1.5 * 2 in the accumulator. */
#include <sanger/sanger.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    char error[DESIGN_ERROR_MAX] = "usage: step_pe DESIGN.json";
    design_t d;
    if (argc != 2 || design_load(argv[1], &d, error)) return fprintf(stderr, "%s\n", error), 2;
    block_t *pe = block_open(block_find("pe"), &d);
    if (!pe) return fprintf(stderr, "out of memory\n"), 2;
    block_set(pe, block_signal(pe, "a"), 0, 3 << (d.q.frac - 1));
    block_set(pe, block_signal(pe, "b"), 0, 2 << d.k.frac);
    block_set(pe, block_signal(pe, "c3"), 0, C3_SELF);
    for (int cycle = 0; cycle < 2; ++cycle) {
        pe->type->eval(pe->self); /* settles outputs; the edge follows */
        pe->type->tick(pe->self);
    }
    printf("acc = %g\n", (double)block_get(pe, block_signal(pe, "acc_q"), 0) / (double)(1LL << d.acc.frac));
    block_close(pe);
    return 0;
}
