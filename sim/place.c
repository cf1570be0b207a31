/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../model/pass_control.h"
#include "../model/pe.h"

enum { CHANGES = -1 };

/* How a unit tells that a pass begins, and what it does. */
typedef struct {
    const char *unit;
    const char *begins;  /* signal */
    int64_t mask, value; /* its bits then, or CHANGES */
    const char *gate;    /* signal that must be 1; NULL: none */
    const char *op;      /* signal */
    const char *names;   /* of its codes, below the mask */
} rule_t;

#define TAGS "none load mac exp fwd fwd_last"

static const rule_t rules[] = {
    {"pe_array", "c3", 7, C3_CLEAR, NULL, "c3", "clear idle self left load"},
    {"array_control", "tag", 7, PASS_LOAD, NULL, "tag", TAGS},
    {"slot_row", "tag", 7, PASS_LOAD, NULL, "tag", TAGS},
    {"slot_array", "tag", 7, PASS_LOAD, NULL, "tag", TAGS},
    {"feeder", "op", 7, PASS_LOAD, "valid", "op", TAGS},
    {"pass_control", "pass", 1, 1, NULL, "op", TAGS},
    {"machine", "pass_control.started_q", 7, CHANGES, NULL, "feeder.tag_q", TAGS},
};

static const rule_t *rule_of(const block_t *b)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; ++i) {
        if (!strcmp(rules[i].unit, b->type->name)) return &rules[i];
    }
    return NULL;
}

static int64_t value_of(const block_t *b, const char *name)
{
    const signal_t *s = block_signal(b, name);
    return s ? block_get(b, s, 0) : 0;
}

static bool begins(place_t *p, const rule_t *rule, const block_t *b)
{
    int64_t value = value_of(b, rule->begins) & rule->mask, last = p->last;
    p->last = value;
    if (rule->gate && !value_of(b, rule->gate)) return false;
    return rule->value == CHANGES ? value != last : value == rule->value;
}

static void step_queue(place_t *p, const block_t *b)
{
    if (strcmp(b->type->name, "machine") != 0) return;
    p->queue += value_of(b, "start") && !value_of(b, "busy");
    if (p->queue >= 0) p->job = value_of(b, "finished") + value_of(b, "failed");
}

void place_reset(place_t *p)
{
    *p = (place_t){.queue = -1, .job = -1, .pass = -1};
}

void place_step(place_t *p, const block_t *b)
{
    const rule_t *rule = rule_of(b);
    if (!rule) return;
    step_queue(p, b);
    if (begins(p, rule, b)) {
        ++p->pass;
        p->cycle = 0;
    } else if (p->pass >= 0) {
        ++p->cycle;
    }
    char word[SIGNAL_WORD_MAX];
    snprintf(p->op, sizeof p->op, "%s", signal_word(rule->names, value_of(b, rule->op) & 7, word));
}

bool place_known(const place_t *p)
{
    return p->queue >= 0 || p->pass >= 0;
}

void place_text(const place_t *p, char *out, size_t n)
{
    int at = 0;
    *out = '\0';
    if (p->queue >= 0)
        at = snprintf(out, n, "queue=%" PRId64 " job=%" PRId64 "%s", p->queue, p->job,
                      p->pass >= 0 ? " " : "");
    if (p->pass < 0 || at < 0 || (size_t)at >= n) return;
    snprintf(out + at, n - (size_t)at, "pass=%" PRId64 " cycle=%" PRId64 " op=%s", p->pass, p->cycle, p->op);
}
