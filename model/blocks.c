/* SPDX-License-Identifier: Apache-2.0 */
#include "delay_line.h"
#include "exp.h"
#include "normalise.h"
#include "pack.h"
#include "pe.h"
#include "pe_array.h"
#include "pe_row.h"
#include "split.h"

const block_type_t *const block_types[] = {
    &exp_type,
    &pe_type,
    &delay_line_type,
    &pe_row_type,
    &pe_array_type,
    &pack_type,
    &split_type,
    &normalise_type,
    NULL,
};
