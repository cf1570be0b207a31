/* SPDX-License-Identifier: Apache-2.0 */
#include "exp.h"
#include "pe.h"

const block_type_t *const block_types[] = {
    &exp_type,
    &pe_type,
    NULL,
};
