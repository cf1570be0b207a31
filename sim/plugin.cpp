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
    // Verilator takes its scopes out of the thread's latest context, which may be another instance's, gone by
    // now.
    ~Instance()
    {
        Verilated::threadContextp(&context);
        delete top;
    }
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

// The variable `name` of a scope below the top ("" is the unit's own module).
const VerilatedVar *find(const VerilatedContext &context, const std::string &scope, const std::string &name)
{
    const std::string whole = scope.empty() ? DUT_SCOPE : DUT_SCOPE "." + scope;
    const VerilatedScope *found = context.scopeFind(whole.c_str());
    return found ? found->varFind(name.c_str()) : nullptr;
}

// A netlist has no generate blocks: what they held has a name with dots in the module around them. So the
// path may be parted at any of its dots.
const VerilatedVar *find_below(const VerilatedContext &context, const std::string &path)
{
    for (size_t dot = path.rfind('.'); dot != std::string::npos && dot; dot = path.rfind('.', dot - 1)) {
        const VerilatedVar *var = find(context, path.substr(0, dot), path.substr(dot + 1));
        if (var) return var;
    }
    return find(context, "", path);
}

void *object(void *instance, const char *path, size_t *bytes, size_t *width)
{
    const VerilatedContext &context = static_cast<Instance *>(instance)->context;
    const std::string name = path, end = name.substr(name.size() < 2 ? 0 : name.size() - 2);
    const bool is_port = (end == "_i" || end == "_o") && name.find('.') == std::string::npos;
    const VerilatedScope *top_scope = is_port ? context.scopeFind("TOP.TOP") : nullptr;
    const VerilatedVar *var = !is_port    ? find_below(context, name)
                              : top_scope ? top_scope->varFind(path)
                                          : nullptr;
    if (!var) return nullptr;
    *bytes = var->totalSize();
    if (width) *width = static_cast<size_t>(var->packed().elements());
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
