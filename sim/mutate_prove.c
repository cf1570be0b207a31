/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate_prove.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What must stay equal, beside ports, registers and the inputs of inner instances and of memories: then their
   outputs are equal too (mapped to registers by memory_map, a word that is not cleared was "proved" equal,
   which check_proofs in mutate.c found). Nets may differ where nothing reads them, and what is in an instance
   may say that some inputs never come. */
typedef enum { TRY_NETS, TRY_HIDDEN, TRY_FLAT, TRIES } try_t;

static const char *const names[TRIES] = {
    [TRY_NETS] = "induction, nets too",
    [TRY_HIDDEN] = "induction",
    [TRY_FLAT] = "induction, instances flattened",
};

/* The mutated module's name from its command. */
static void module_of(const char *command, char *out, size_t n)
{
    const char *at = strstr(command, "-module ");
    at = at ? at + strlen("-module ") : "";
    snprintf(out, n, "%.*s", (int)strcspn(at, " "), at);
}

static bool write_script(const netlist_t *n, int number, try_t kind, const char *name)
{
    char path[NETLIST_PATH_MAX + 64], module[128];
    const char *command = n->command[number - 1], *at = strstr(command, "-module ");
    module_of(command, module, sizeof module);
    snprintf(path, sizeof path, "%s/%s", n->folder, name);
    FILE *out = fopen(path, "w");
    if (!out || !at) return false;
    fprintf(out, "read_rtlil prepared.il\ncopy %s gold\ncopy %s gate\n", module, module);
    fprintf(out, "mutate %.*s-module gate%s\n", (int)(at - command), command,
            at + strlen("-module ") + strlen(module));

    if (kind == TRY_FLAT) fputs("flatten gold gate\n", out);
    if (kind != TRY_NETS) fputs("rename -hide gold/w:* gate/w:* gold/w:*_q* %d gate/w:*_q* %d\n", out);
    /* `equiv_simple -short` is not used: with -undef it proved what is not equal (Yosys 0.23). opt_merge
     * leaves what the change reaches: seconds become tenths */
    fputs("equiv_make gold gate equiv\nhierarchy -top "
          "equiv\nasync2sync\ndffunmap\nopt_expr\nopt_merge\nopt_clean\n"
          "equiv_simple -undef\nequiv_induct -undef\nequiv_status -assert\n",
          out);
    return !fclose(out);
}

static int try_proof(const netlist_t *n, int number, try_t kind)
{
    char script[32], log[32], path[NETLIST_PATH_MAX + 64];
    snprintf(script, sizeof script, "prove%d.ys", number);
    snprintf(log, sizeof log, "prove%d.log", number);
    if (!write_script(n, number, kind, script)) return -1;
    int status = netlist_yosys(n, script, log, n->config->proof_seconds);
    snprintf(path, sizeof path, "%s/%s", n->folder, script);
    if (!status) unlink(path);
    snprintf(path, sizeof path, "%s/%s", n->folder, log);
    if (!status) unlink(path);
    return status;
}

void mutate_prove(const void *netlist, int number, mutant_t *m)
{
    const netlist_t *n = netlist;
    bool timed_out = false;
    for (int kind = 0; kind < TRIES; ++kind) {
        if (kind == TRY_FLAT && !n->instances) break;
        if (!(n->ways >> kind & 1)) continue;
        int status = try_proof(n, number, (try_t)kind);
        timed_out |= status == NETLIST_TIMED_OUT;
        if (status) continue;
        m->end = MUTANT_EQUIVALENT;
        snprintf(m->how, sizeof m->how, "%s", names[kind]);
        return;
    }
    m->end = timed_out ? MUTANT_UNDECIDED : MUTANT_SURVIVED;
    snprintf(m->how, sizeof m->how, timed_out ? "no proof in time" : "no proof");
}

unsigned mutate_prove_ways(const mutant_t *m, int n)
{
    unsigned ways = 0;
    for (int i = 0; i < n; ++i) {
        for (int kind = 0; kind < TRIES; ++kind) {
            if (m[i].end == MUTANT_EQUIVALENT && !strcmp(m[i].how, names[kind])) ways |= 1u << kind;
        }
    }
    return ways;
}
