/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libsanger: the reference model of the Sanger accelerator as a C library.
 *
 *     design.h        a design point from JSON
 *     block.h         any block of it: open, set inputs, eval, tick, read
 *     pe.h ...        the blocks' own pages: ports, codes, what they do in a cycle
 *     trace.h         attention traces
 *     ground_truth.h  attention in double precision
 *     host.h          what a host writes for the machine and reads back; stands alone
 *
 *     cc example.c $(pkg-config --cflags --libs sanger)
 *
 * No call keeps a global; two threads may step two blocks. Not in the library: generated Verilog and
 * lockstep, which the `sanger` command offers.
 */
#ifndef SANGER_SANGER_H
#define SANGER_SANGER_H

#include "accumulate.h"
#include "array_control.h"
#include "binarise.h"
#include "block.h"
#include "buffer.h"
#include "controller.h"
#include "delay_line.h"
#include "design.h"
#include "drain.h"
#include "exp.h"
#include "feeder.h"
#include "fetch.h"
#include "fixed.h"
#include "golden.h"
#include "ground_truth.h"
#include "host.h"
#include "memory_port.h"
#include "normalise.h"
#include "pack.h"
#include "pass_control.h"
#include "pe.h"
#include "pe_array.h"
#include "pe_row.h"
#include "predict_array.h"
#include "predict_control.h"
#include "predict_feeder.h"
#include "predict_row.h"
#include "rebias.h"
#include "safetensors.h"
#include "score_array.h"
#include "score_pe.h"
#include "signal_table.h"
#include "slot_array.h"
#include "slot_control.h"
#include "slot_row.h"
#include "split.h"
#include "tile_loader.h"
#include "trace.h"

#endif
