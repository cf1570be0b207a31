// SPDX-License-Identifier: Apache-2.0
// sanger-systemc: one unit's model and Verilog in lockstep under an sc_clock, with the result line of `sanger
// cosim`.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <memory>
#include <string>

#include "../paths.h"
#include "../report.h"
#include "modules.h"

namespace
{

enum { EXIT_HOLDS = 0, EXIT_MISMATCH = 1, EXIT_USAGE = 2, EXIT_MISSING = 3 };
enum { LINES_MAX = 64 };

const char *const help =
    "sanger-systemc - a unit's C model and generated Verilog as SystemC modules, in lockstep under a "
    "clock\n\n"
    "usage: sanger-systemc --design DESIGN --unit UNIT [options]\n\n"
    "  --cycles N         cycles of the run (default 10000)\n"
    "  --seed S           of the stimulus (default 1)\n"
    "  --stimulus CLASS   legal (default), illegal, corner or scheduled\n"
    "  --model M          fast (default; where a unit has a fast model) or reference\n"
    "  --canary NAME      plant a known bug (see sanger cosim --list-canaries)\n"
    "  --trace FILE       write FILE.vcd: clock, inputs and both sides' outputs, bit-packed\n\n"
    "Prints the line that sanger cosim prints, output hash included. Exit codes: 0 holds, 1 a mismatch or a "
    "run that\n"
    "compared nothing, 2 bad usage, 3 a missing tool.\n";

struct options_t {
    cosim_config_t config{};
    std::string trace;
    bool reference = false;
    bool help = false;
};

int usage_error(const std::string &what)
{
    std::fprintf(stderr, "sanger-systemc: %s\n", what.c_str());
    return EXIT_USAGE;
}

std::string expected(const char *option, const char *what, const char *found)
{
    return std::string("--") + option + ": expected " + what + ", found '" +
           std::string(found).substr(0, 64) + "'";
}

bool parse_count(const char *text, uint64_t max, uint64_t *value)
{
    char *end = nullptr;
    errno = 0;
    *value = std::strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *value <= max;
}

// Empty, or what is wrong with the option.
std::string take(int option, const char *found, options_t &o)
{
    cosim_config_t &c = o.config;
    switch (option) {
    case 'd': c.design_name = optarg; return "";
    case 'u': c.unit = optarg; return block_find(optarg) ? "" : expected("unit", "a unit", optarg);
    case 'c':
        return parse_count(optarg, UINT64_C(1) << 48, &c.cycles) ? "" : expected("cycles", "a count", optarg);
    case 's':
        return parse_count(optarg, UINT64_C(1) << 53, &c.seed) ? "" : expected("seed", "a count", optarg);
    case 't': {
        const int kind = stimulus_find(optarg);
        if (kind < 0) return expected("stimulus", "legal, illegal, corner or scheduled", optarg);
        c.kind = static_cast<stimulus_class_t>(kind);
        return "";
    }
    case 'm':
        o.reference = !std::strcmp(optarg, "reference");
        return o.reference || !std::strcmp(optarg, "fast") ? ""
                                                           : expected("model", "fast or reference", optarg);
    case 'k':
        c.canary = canary_find(optarg);
        return c.canary ? "" : expected("canary", "a name from sanger cosim --list-canaries", optarg);
    case 'v': o.trace = optarg; return "";
    case 'h': o.help = true; return "";
    case ':': return std::string(found) + ": expected a value, found nothing";
    default: return std::string("options: expected those of --help, found '") + found + "'";
    }
}

int parse(int argc, char **argv, options_t &o)
{
    static const option options[] = {
        {"design", required_argument, nullptr, 'd'},   {"unit", required_argument, nullptr, 'u'},
        {"cycles", required_argument, nullptr, 'c'},   {"seed", required_argument, nullptr, 's'},
        {"stimulus", required_argument, nullptr, 't'}, {"model", required_argument, nullptr, 'm'},
        {"canary", required_argument, nullptr, 'k'},   {"trace", required_argument, nullptr, 'v'},
        {"help", no_argument, nullptr, 'h'},           {nullptr, 0, nullptr, 0}};
    for (int c; (c = getopt_long(argc, argv, ":", options, nullptr)) != -1;) {
        const std::string wrong = take(c, argv[optind - 1], o);
        if (!wrong.empty()) return usage_error(wrong);
    }
    if (o.help) return EXIT_HOLDS;
    if (optind < argc)
        return usage_error(std::string("arguments: expected options only, found '") + argv[optind] + "'");
    if (!o.config.design_name) return usage_error("--design: expected a name or a path, found nothing");
    if (!o.config.unit) return usage_error("--unit: expected a unit, found nothing");
    return EXIT_HOLDS;
}

// ---- what a run owns ----

struct dut_owner_t {
    dut_t dut{};
    ~dut_owner_t() { dut_close(&dut); }
};

struct stimulus_closer_t {
    void operator()(stimulus_t *s) const { stimulus_close(s); }
};

struct trace_closer_t {
    void operator()(sc_core::sc_trace_file *file) const { sc_core::sc_close_vcd_trace_file(file); }
};

// Everything between two modules.
struct wires_t {
    using wire_t = sc_core::sc_signal<frame_t>;
    wire_t in, model_out, model_net, model_reg, dut_out, dut_net, dut_reg;

    explicit wires_t(const block_t *table)
        : in("in", layout_t(table, SIGNAL_IN).empty()),
          model_out("model_out", layout_t(table, SIGNAL_OUT).empty()),
          model_net("model_net", layout_t(table, SIGNAL_NET).empty()),
          model_reg("model_reg", layout_t(table, SIGNAL_REG).empty()),
          dut_out("dut_out", layout_t(table, SIGNAL_OUT).empty()),
          dut_net("dut_net", layout_t(table, SIGNAL_NET).empty()),
          dut_reg("dut_reg", layout_t(table, SIGNAL_REG).empty())
    {
    }
};

// The whole bench, wired.
struct bench_t {
    // The first edge falls at 5 ns: the checker reads the state after reset before any register moves.
    sc_core::sc_clock clk{"clk", sc_core::sc_time(10, sc_core::SC_NS), 0.5,
                          sc_core::sc_time(5, sc_core::SC_NS), false};
    wires_t wires;
    model_module model;
    dut_module dut;
    stimulus_module stimulus;
    checker_module checker;

    bench_t(block_t *block, block_t *mirror, const dut_t *plugin, stimulus_t *source, uint64_t cycles)
        : wires(block), model("model", block), dut("dut", plugin, mirror),
          stimulus("stimulus", source, mirror), checker("checker", mirror, cycles)
    {
        connect(model, wires.model_out, wires.model_net, wires.model_reg);
        connect(dut, wires.dut_out, wires.dut_net, wires.dut_reg);
        stimulus.clk(clk), stimulus.seen(wires.model_out), stimulus.out(wires.in);
        checker.clk(clk), checker.in(wires.in);
        connect(checker.model, wires.model_out, wires.model_net, wires.model_reg);
        connect(checker.dut, wires.dut_out, wires.dut_net, wires.dut_reg);
    }

  private:
    void connect(unit_module &unit, wires_t::wire_t &out, wires_t::wire_t &net, wires_t::wire_t &reg)
    {
        unit.clk(clk), unit.in(wires.in), unit.out(out), unit.net(net), unit.reg(reg);
    }
    static void connect(checker_module::side_t &side, wires_t::wire_t &out, wires_t::wire_t &net,
                        wires_t::wire_t &reg)
    {
        side.out(out), side.net(net), side.reg(reg);
    }
};

// ---- a run ----

int print_divergence(const cosim_config_t &c, const checker_module &checker, block_t *scratch)
{
    char command[1024];
    layout_t(scratch, SIGNAL_IN).unpack(checker.inputs(), scratch);
    const std::unique_ptr<char, decltype(&std::free)> phase(report_phase(scratch), std::free);
    const auto &differences = checker.differences();
    for (size_t i = 0; i < differences.size() && i < LINES_MAX; ++i) {
        report_mismatch(stdout, &c, checker.result().cycle, phase ? phase.get() : "", &differences[i]);
    }
    if (differences.size() > LINES_MAX)
        std::printf("... and %zu more elements differ\n", differences.size() - LINES_MAX);
    report_command(&c, command, sizeof command);
    std::printf("REPRODUCE %s\n", command);
    return EXIT_MISMATCH;
}

// The kernel itself divides by zero when it cannot write a trace.
bool can_trace(const std::string &path)
{
    if (path.empty()) return true;
    std::FILE *file = std::fopen((path + ".vcd").c_str(), "a");
    return file && !std::fclose(file);
}

using trace_t = std::unique_ptr<sc_core::sc_trace_file, trace_closer_t>;

trace_t open_trace(const std::string &path, const bench_t &bench)
{
    if (path.empty()) return nullptr;
    trace_t file(sc_core::sc_create_vcd_trace_file(path.c_str()));
    file->set_time_unit(1, sc_core::SC_NS);
    sc_core::sc_trace(file.get(), bench.clk, "clk");
    sc_core::sc_trace(file.get(), bench.wires.in, "in");
    sc_core::sc_trace(file.get(), bench.wires.model_out, "model_out");
    sc_core::sc_trace(file.get(), bench.wires.dut_out, "dut_out");
    return file;
}

int simulate(const options_t &o, block_t *block, block_t *mirror, const dut_t *dut, stimulus_t *source)
{
    const cosim_config_t &c = o.config;
    bench_t bench(block, mirror, dut, source, c.cycles);
    if (!bench.dut.error().empty()) return usage_error(bench.dut.error());
    const trace_t trace = open_trace(o.trace, bench);
    const auto begin = std::chrono::steady_clock::now();
    sc_core::sc_start();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    cosim_result_t result = bench.checker.result();
    result.seconds = seconds.count();
    if (!result.diverged) cosim_check_vacuous(&result);
    report_line(stdout, &c, DUT_OK, &result);
    if (result.diverged) return print_divergence(c, bench.checker, mirror);
    return *result.vacuous ? EXIT_MISMATCH : EXIT_HOLDS;
}

int dut_error(dut_status_t status, const char *error)
{
    usage_error(error);
    return status == DUT_MISSING_TOOL ? EXIT_MISSING : EXIT_USAGE;
}

int run(options_t &o, const design_t &d)
{
    cosim_config_t &c = o.config;
    char error[DUT_ERROR_MAX] = "";
    dut_status_t status = DUT_OK;
    const block_type_t *type = block_find(c.unit);
    c.design = &d;
    c.fast = !o.reference && block_fast(type, &d);
    type = cosim_model(&c, &status, error);
    if (!type) return dut_error(status, error);
    const block_ptr_t block(block_open(type, &d)), mirror(block_open(type, &d));
    if (!block || !mirror) return usage_error("out of memory");
    if (type->show) type->show(block->self);
    const std::unique_ptr<stimulus_t, stimulus_closer_t> source(stimulus_open(c.kind, c.seed, mirror.get()));
    if (!source)
        return usage_error(expected("stimulus", "a class that the unit has", stimulus_names[c.kind]));
    dut_owner_t owner;
    const patch_t *patch = c.canary && c.canary->side == CANARY_RTL ? &c.canary->patch : nullptr;
    status = dut_open(&owner.dut, &d, c.unit, patch, c.seed, error);
    if (status) return dut_error(status, error);
    return simulate(o, block.get(), mirror.get(), &owner.dut, source.get());
}

} // namespace

int sc_main(int argc, char **argv)
{
    options_t o;
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    o.config.cycles = 10000;
    o.config.seed = 1;
    // The kernel's remarks on its own doings are no part of the result.
    sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    const int code = parse(argc, argv, o);
    if (code) return code;
    if (o.help) return std::fputs(help, stdout) < 0;
    if (paths_design(o.config.design_name, &d, error)) return usage_error(error);
    if (!can_trace(o.trace))
        return usage_error(expected("trace", "a file that can be written", o.trace.c_str()));
    return run(o, d);
}
