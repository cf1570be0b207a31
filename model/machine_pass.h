/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_pass: the machine once more, for speed: equal in every cycle in what goes through its ports, in its
 * causes and in its counters, but with no registers for what its data do on the way. machine.c stays the
 * definition; this one is checked against it.
 *
 *     stepped, by their own models           computed at once, by datapath.h
 *     controller, fetch, memory_port         predict_feeder, predict_array: a drain, sum or threshold word
 *     predict_control, rebias                for all rows, when predict_control shows it
 *     tile_loader, drain                     buffer, feeder: memories
 *                                            slot_array or array_control, accumulate: a pass, when its word 0
 *                                            shows; `done` comes when the blocks would say it
 *                                            normalise: a set of quotients, `latency` cycles late
 *
 * pass_control is machine_pass_gather.h's: the same decisions, of sub-rows that are lists. A stepped block
 * rests while nothing that it looks at changes (machine_pass_rest.c).
 *
 * Stepped blocks and pass_control decide all cycles. What is computed at once is there earlier than in the
 * machine and is read later: that is what their counts (scored, swept, done, ...) are for.
 *
 * The struct begins with a machine_t, so what looks at a running machine may look at this one. Of the blocks
 * that are computed at once it has ports and counters: the mask bus shows its words in their cycles, counters
 * are brought up to date by `show`, one for all rows' events. What never came in is 0
 * here and anything there: sums of columns that no key was ever loaded into may clip there alone.
 */
#ifndef SANGER_MACHINE_PASS_H
#define SANGER_MACHINE_PASS_H

#include "datapath.h"
#include "machine.h"
#include "machine_pass_gather.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Mask words of a tile on their way to the bus. */
typedef struct {
    uint64_t cycle; /* in which row 0's shows */
    int64_t tile, strip;
    uint64_t word[DATAPATH_ROWS_MAX][2];
} machine_pass_tile_t;

enum { MACHINE_PASS_TILES = 3, MACHINE_PASS_QUOTIENTS = 64, MACHINE_PASS_LANES_MAX = 64 };

/* Blocks that are stepped unless they rest, in the order of their ticks. */
enum { REST_CONTROLLER, REST_TILE_LOADER, REST_REBIAS, REST_DRAIN, REST_FETCH, REST_BLOCKS };

typedef struct {
    bool rests;      /* the last tick changed nothing */
    uint64_t inputs; /* that it saw */
} machine_pass_rest_t;

typedef struct {
    machine_t machine;
    datapath_t data;
    gather_t gather;
    machine_pass_rest_t rest[REST_BLOCKS];
    struct {
        bool sleeps;           /* in this cycle */
        uint64_t since, until; /* its registers are those of cycle `since`; only steps move until `until` */
        int64_t inputs;        /* for which that holds */
    } prediction;
    bool port_was_asked; /* memory_port had something to do in this cycle, or the one before */
    uint64_t cycle;
    machine_pass_tile_t shown[MACHINE_PASS_TILES]; /* on their way to the mask bus and on it, by turns */
    int newest;                                    /* of these */
    uint64_t shown_until;                          /* none goes on from this cycle on */
    uint64_t done[DESIGN_PASSES];                  /* cycles in which passes are complete, a ring */
    int first_done, passes;
    int latency;
    struct {
        bool valid;
        int64_t quot[MACHINE_PASS_LANES_MAX];
    } division[MACHINE_PASS_QUOTIENTS]; /* by cycle */
} machine_pass_t;

extern const block_type_t machine_pass_type;

/* ---- machine_pass_rest.c: the blocks on the way to and from memory, and drain ---- */
void machine_pass_wire(machine_t *m, const design_t *d);
void machine_pass_settle(machine_pass_t *p);
void machine_pass_move(machine_pass_t *p);

#ifdef __cplusplus
}
#endif
#endif
