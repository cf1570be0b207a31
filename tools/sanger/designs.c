/* SPDX-License-Identifier: Apache-2.0 */
#include "../../sim/paths.h"
#include "sanger.h"

bool designs_add(const char *verb, const char *name, designs_t *all)
{
    if (all->n == DESIGNS_MAX) return usage_error(verb, "--design: expected at most %d", DESIGNS_MAX), false;
    if (!load_design(verb, name, &all->design[all->n])) return false;
    all->name[all->n++] = name;
    return true;
}

bool designs_add_named(const char *verb, designs_t *all)
{
    char error[DESIGN_ERROR_MAX];
    int n = paths_designs(all->design, DESIGNS_MAX, error);
    if (n < 0) return usage_error(verb, "%s", error), false;
    all->n = n;
    for (int i = 0; i < n; ++i) all->name[i] = all->design[i].name;
    return true;
}
