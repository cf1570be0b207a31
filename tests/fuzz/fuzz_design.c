/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Design files. Any bytes give a design or one printable line. A design that is taken is the same one when it
 * is printed and read again, every unit's signal table fits its bounds, and every name has a value.
 */
#include "../../model/block.h"
#include "fuzz.h"

static void must_have_tables(const design_t *d)
{
    static signal_t table[SIGNAL_MAX];
    for (const block_type_t *const *type = block_types; *type; ++type) {
        if (!block_fits(*type, d)) continue;
        int n = block_signals(*type, d, table);
        must(n > 0 && n <= SIGNAL_MAX);
        for (int i = 0; i < n; ++i) {
            must(table[i].bits >= 1 && table[i].bits <= 64 && signal_count(&table[i]) > 0);
            for (int k = 0; k < table[i].dims; ++k) must(table[i].n[k] > 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[DESIGN_ERROR_MAX] = "", hash[2][17];
    design_t d, again;
    if (design_parse((const char *)data, size, "t", &d, error)) {
        must_be_line(error, "t: ", sizeof error);
        must(strstr(error, ": expected ") && strncmp(error, "t: JSON: expected JSON that fits", 31) != 0);
        return 0;
    }
    char *text = design_print(&d);
    must(text && !design_parse(text, strlen(text), "t", &again, error) && !memcmp(&d, &again, sizeof d));
    free(text);
    design_hash(&d, hash[0]);
    design_hash(&again, hash[1]);
    must(!strcmp(hash[0], hash[1]) && !design_check(&d, "t", error));
    must_have_tables(&d);
    return 0;
}
