/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from design.c, which reads JSON: blocks ask it, and a model built with a planted bug has no JSON. */
#include "design.h"

const char *design_lacks_machine(const design_t *d)
{
    if (!design_signed(d))
        return "signed operands, a per-row bias and signed prediction (arithmetic: signed)";
    if (d->score_rows != d->rows || d->score_columns != d->columns)
        return "a score array of the array's size (prediction.rows and columns equal to array.rows and "
               "columns)";
    const format_t *operands[] = {&d->q, &d->k, &d->v, &d->output, &d->scale};
    for (size_t i = 0; i < sizeof operands / sizeof *operands; ++i) {
        if (operands[i]->w > 16) return "formats q, k, v, output and prediction.scale of at most 16 bits";
    }
    if (d->bus_bytes & (d->bus_bytes - 1)) return "a machine.bus_bytes that is a power of two";
    if (design_mask_lanes(d) < 1) return "a machine.bus_bytes that holds the mask word of a tile";
    if (1 << d->sub_row_id_w < 2 * design_group_rows(d))
        return "a split.row_id_w with bits enough for 2 * machine.strips * array.rows";
    return NULL;
}
