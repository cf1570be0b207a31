// SPDX-License-Identifier: Apache-2.0
// One Verilated unit behind the C interface of plugin.h. Compiled once per unit with
//   -DDUT_SCOPE="\"TOP.<module>\"", for units without a clock -DDUT_COMBINATIONAL, with coverage
//   -DDUT_COUNTING.
#include "plugin.h"

#include <new>
#include <string>

#include "Vdut.h"
#include "verilated.h"
#ifdef DUT_COUNTING
#include "verilated_cov.h"
#endif
#include "verilated_syms.h"

namespace
{

struct Instance {
    VerilatedContext context;
    Vdut *top = nullptr;
    ~Instance() { delete top; }
};

Vdut *top(void *instance)
{
    return static_cast<Instance *>(instance)->top;
}

void *open_instance(uint64_t x_seed)
{
    auto *instance = new (std::nothrow) Instance;
    if (!instance) return nullptr;
    instance->context.randReset(2); // unset state is random, not zero
    instance->context.randSeed(static_cast<int>(x_seed & 0x7fffffff) | 1);
    instance->top = new (std::nothrow) Vdut(&instance->context, "TOP");
    if (instance->top) return instance;
    delete instance;
    return nullptr;
}

void close_instance(void *instance)
{
    delete static_cast<Instance *>(instance);
}

#ifdef DUT_COMBINATIONAL
void eval(void *instance)
{
    top(instance)->eval();
}
void tick(void *instance)
{
    eval(instance);
}
void reset(void *instance)
{
    eval(instance);
}
#else
// The falling edge shares an evaluation with the inputs that follow it: two evaluations a cycle, not three.
void eval(void *instance)
{
    top(instance)->clk_i = 0;
    top(instance)->eval();
}

void tick(void *instance)
{
    top(instance)->clk_i = 1;
    top(instance)->eval();
}

void reset(void *instance)
{
    top(instance)->rst_ni = 0;
    eval(instance);
    tick(instance);
    top(instance)->rst_ni = 1;
    eval(instance);
}
#endif

void *object(void *instance, const char *path, size_t *bytes)
{
    const VerilatedContext *context = &static_cast<Instance *>(instance)->context;
    std::string scope = "TOP.TOP", name = path;
    const bool is_port = name.size() > 2 &&
                         (name.substr(name.size() - 2) == "_i" || name.substr(name.size() - 2) == "_o") &&
                         name.find('.') == std::string::npos;
    if (!is_port) {
        const size_t dot = name.rfind('.');
        scope = DUT_SCOPE;
        if (dot != std::string::npos) scope += "." + name.substr(0, dot), name = name.substr(dot + 1);
    }
    const VerilatedScope *found = context->scopeFind(scope.c_str());
    const VerilatedVar *var = found ? found->varFind(name.c_str()) : nullptr;
    if (!var) return nullptr;
    *bytes = var->totalSize();
    return var->datap();
}

#ifdef DUT_COUNTING
void count_toggles(void *instance, const char *path)
{
    VerilatedCovContext *counts = static_cast<Instance *>(instance)->context.coveragep();
    if (path)
        counts->write(path);
    else
        counts->zero();
}
#else
constexpr auto count_toggles = nullptr;
#endif

const plugin_t plugin = {PLUGIN_ABI, open_instance, close_instance, reset, eval, tick, object, count_toggles};

} // namespace

extern "C" const plugin_t *sanger_plugin(void)
{
    return &plugin;
}
