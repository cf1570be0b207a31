/* SPDX-License-Identifier: Apache-2.0 */
#include "accumulate.h"
#include "array_control.h"
#include "binarise.h"
#include "buffer.h"
#include "controller.h"
#include "delay_line.h"
#include "drain.h"
#include "exp.h"
#include "feeder.h"
#include "fetch.h"
#include "machine.h"
#include "machine_fast.h"
#include "memory_port.h"
#include "normalise.h"
#include "pack.h"
#include "pass_control.h"
#include "pe.h"
#include "pe_array.h"
#include "pe_array_fast.h"
#include "pe_row.h"
#include "predict_array.h"
#include "predict_array_fast.h"
#include "predict_control.h"
#include "predict_feeder.h"
#include "predict_row.h"
#include "rebias.h"
#include "score_array.h"
#include "score_pe.h"
#include "slot_array.h"
#include "slot_array_fast.h"
#include "slot_control.h"
#include "slot_row.h"
#include "split.h"
#include "tile_loader.h"

/* One a line, so that blocks can be added side by side. */
/* clang-format off */
const block_type_t *const block_types[] = {
    &exp_type,
    &pe_type,
    &delay_line_type,
    &pe_row_type,
    &pe_array_type,
    &score_pe_type,
    &score_array_type,
    &binarise_type,
    &pack_type,
    &split_type,
    &normalise_type,
    &memory_port_type,
    &fetch_type,
    &controller_type,
    &tile_loader_type,
    &pass_control_type,
    &feeder_type,
    &buffer_type,
    &slot_control_type,
    &slot_row_type,
    &slot_array_type,
    &predict_control_type, &rebias_type,
    &predict_feeder_type,
    &predict_row_type,
    &predict_array_type,
    &drain_type, &accumulate_type,
    &machine_type,
    &array_control_type, NULL,
};
/* clang-format on */

const block_type_t *block_fast(const block_type_t *type, const design_t *d)
{
    if (type == &pe_array_type && pe_array_fast_fits(d)) return &pe_array_fast_type;
    if (type == &slot_array_type && slot_array_fast_fits(d)) return &slot_array_fast_type;
    if (type == &predict_array_type && predict_array_fast_fits(d)) return &predict_array_fast_type;
    if (type == &machine_type && machine_fast_fits(d)) return &machine_fast_type;
    return NULL;
}
