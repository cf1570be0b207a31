// SPDX-License-Identifier: Apache-2.0
// sanger-systemc: one unit's model and Verilog in lockstep under an sc_clock, with the result line of `sanger
// cosim`; or the whole machine with jobs in TLM-2.0 memories.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <memory>
#include <string>

#include "../number.h"
#include "../paths.h"
#include "../report.h"
#include "benches.h"

namespace
{

enum { EXIT_HOLDS = 0, EXIT_MISMATCH = 1, EXIT_USAGE = 2, EXIT_MISSING = 3 };
enum { LINES_MAX = 64 };
constexpr uint64_t UNSET = UINT64_MAX;

const char *const help =
    "sanger-systemc - a unit's C model and generated Verilog as SystemC modules, in lockstep under a "
    "clock\n\n"
    "usage: sanger-systemc --design DESIGN --unit UNIT [options]\n"
    "       sanger-systemc --design DESIGN --jobs N [options]\n\n"
    "  --cycles N         cycles of the run (default 10000)\n"
    "  --seed S           of the stimulus (default 1)\n"
    "  --stimulus CLASS   legal (default), illegal, corner or scheduled\n"
    "  --model M          fast (default; where a unit has a fast model) or reference\n"
    "  --jobs N           the machine with a random queue of N jobs, each side before a TLM-2.0 memory of "
    "its "
    "own;\n"
    "                     --cycles: when to give up (default 10000000)\n"
    "  --memory L,I,D     latency in cycles, cycles a beat, requests in flight (default 50,1,64)\n"
    "  --stall P          requests and answers stall in P percent of all cycles (default 0)\n"
    "  --canary NAME      plant a known bug (see sanger cosim --list-canaries)\n"
    "  --trace FILE       write FILE.vcd: clock, inputs and both sides' outputs, bit-packed\n\n"
    "Prints the line that the C harness prints, output hash included. With jobs, both memories must be left "
    "as "
    "golden\n"
    "leaves them, too. Exit codes: 0 holds, 1 a mismatch or a run that compared nothing, 2 bad usage, 3 a "
    "missing "
    "tool.\n";

struct options_t {
    cosim_config_t config{};
    memory_config_t memory{};
    int jobs = 0;
    int stall = 0; // percent
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
    return number_count(text, 0, max, value);
}

bool parse_memory(const char *text, memory_config_t &m)
{
    int found[3];
    if (!number_list(text, 3, 1, 4096, found)) return false;
    m.latency = found[0], m.interval = found[1], m.depth = found[2];
    return true;
}

// Empty, or what is wrong with the option.
std::string take(int option, const char *found, options_t &o)
{
    cosim_config_t &c = o.config;
    uint64_t count;
    switch (option) {
    case 'j':
        if (!parse_count(optarg, QUEUE_JOBS_MAX, &count) || !count)
            return expected("jobs", "1 to 1000", optarg);
        o.jobs = static_cast<int>(count);
        return "";
    case 'M':
        return parse_memory(optarg, o.memory)
                   ? ""
                   : expected("memory", "LATENCY,INTERVAL,DEPTH, each 1 to 4096", optarg);
    case 'S':
        if (!parse_count(optarg, 99, &count)) return expected("stall", "0 to 99 percent", optarg);
        o.stall = static_cast<int>(count);
        return "";
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

// What the options leave open.
int complete(options_t &o)
{
    cosim_config_t &c = o.config;
    if (!o.jobs && !c.unit) return usage_error("--unit: expected a unit, found nothing");
    if (o.jobs && c.unit && std::strcmp(c.unit, "machine") != 0)
        return usage_error(expected("unit", "the machine, or none, with --jobs", c.unit));
    if (c.cycles == UNSET) c.cycles = o.jobs ? 10000000 : 10000;
    if (!o.jobs) return EXIT_HOLDS;
    c.unit = "machine";
    c.kind = STIMULUS_SCHEDULED;
    o.memory.request_stall = o.memory.answer_stall = o.stall / 100.0;
    o.memory.seed = c.seed;
    return EXIT_HOLDS;
}

int parse(int argc, char **argv, options_t &o)
{
    static const option options[] = {{"design", required_argument, nullptr, 'd'},
                                     {"unit", required_argument, nullptr, 'u'},
                                     {"cycles", required_argument, nullptr, 'c'},
                                     {"seed", required_argument, nullptr, 's'},
                                     {"stimulus", required_argument, nullptr, 't'},
                                     {"model", required_argument, nullptr, 'm'},
                                     {"canary", required_argument, nullptr, 'k'},
                                     {"trace", required_argument, nullptr, 'v'},
                                     {"jobs", required_argument, nullptr, 'j'},
                                     {"memory", required_argument, nullptr, 'M'},
                                     {"stall", required_argument, nullptr, 'S'},
                                     {"help", no_argument, nullptr, 'h'},
                                     {nullptr, 0, nullptr, 0}};
    for (int c; (c = getopt_long(argc, argv, ":", options, nullptr)) != -1;) {
        const std::string wrong = take(c, argv[optind - 1], o);
        if (!wrong.empty()) return usage_error(wrong);
    }
    if (o.help) return EXIT_HOLDS;
    if (optind < argc)
        return usage_error(std::string("arguments: expected options only, found '") + argv[optind] + "'");
    if (!o.config.design_name) return usage_error("--design: expected a name or a path, found nothing");
    return complete(o);
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

struct queue_closer_t {
    void operator()(queue_t *q) const { queue_close(q); }
};

// ---- a run ----

void print_command(const options_t &o)
{
    const cosim_config_t &c = o.config;
    char command[1024];
    if (!o.jobs) {
        report_command(&c, command, sizeof command);
        std::printf("REPRODUCE %s\n", command);
        return;
    }
    std::printf(
        "REPRODUCE sanger-systemc --design %s --jobs %d --seed %llu --memory %d,%d,%d --stall %d%s%s\n",
        c.design_name, o.jobs, static_cast<unsigned long long>(c.seed), o.memory.latency, o.memory.interval,
        o.memory.depth, o.stall, c.canary ? " --canary " : "", c.canary ? c.canary->name : "");
}

int print_divergence(const options_t &o, const checker_module &checker, block_t *scratch)
{
    layout_t(scratch, SIGNAL_IN).unpack(checker.inputs(), scratch);
    const std::unique_ptr<char, decltype(&std::free)> phase(report_phase(scratch), std::free);
    const auto &differences = checker.differences();
    for (size_t i = 0; i < differences.size() && i < LINES_MAX; ++i) {
        report_mismatch(stdout, &o.config, checker.result().cycle, phase ? phase.get() : "", &differences[i]);
    }
    if (differences.size() > LINES_MAX)
        std::printf("... and %zu more elements differ\n", differences.size() - LINES_MAX);
    print_command(o);
    return EXIT_MISMATCH;
}

int print_wrong(const options_t &o, bench_t &bench)
{
    std::printf("FAIL  %s of %s: %s\n", o.config.unit, o.config.design_name, bench.wrong().c_str());
    print_command(o);
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
    bench.trace(file.get());
    return file;
}

// The result line; then what else is to be said.
int simulate(const options_t &o, bench_t &bench, block_t *scratch)
{
    const cosim_config_t &c = o.config;
    if (!bench.dut.error().empty()) return usage_error(bench.dut.error());
    const trace_t trace = open_trace(o.trace, bench);
    const auto begin = std::chrono::steady_clock::now();
    sc_core::sc_start();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    cosim_result_t result = bench.checker.result();
    result.seconds = seconds.count();
    if (!result.diverged && !bench.wrong().empty()) return print_wrong(o, bench);
    if (!result.diverged) cosim_check_vacuous(&result);
    report_line(stdout, &c, DUT_OK, &result);
    if (result.diverged) return print_divergence(o, bench.checker, scratch);
    return *result.vacuous ? EXIT_MISMATCH : EXIT_HOLDS;
}

int simulate_unit(const options_t &o, const subjects_t &s)
{
    const std::unique_ptr<stimulus_t, stimulus_closer_t> source(
        stimulus_open(o.config.kind, o.config.seed, s.mirror));
    if (!source)
        return usage_error(expected("stimulus", "a class that the unit has", stimulus_names[o.config.kind]));
    unit_bench bench(s, source.get());
    return simulate(o, bench, s.mirror);
}

int simulate_machine(const options_t &o, const subjects_t &s)
{
    char error[QUEUE_ERROR_MAX];
    const std::unique_ptr<queue_t, queue_closer_t> queue(
        queue_random(o.config.design, o.jobs, o.config.seed, error));
    if (!queue) return usage_error(error);
    machine_bench bench(s, queue.get(), o.memory);
    return simulate(o, bench, s.mirror);
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
    dut_owner_t owner;
    const patch_t *patch = c.canary && c.canary->side == CANARY_RTL ? &c.canary->patch : nullptr;
    status = dut_open(&owner.dut, &d, c.unit, patch, c.seed, error);
    if (status) return dut_error(status, error);
    const subjects_t subjects = {&c, block.get(), mirror.get(), &owner.dut};
    return o.jobs ? simulate_machine(o, subjects) : simulate_unit(o, subjects);
}

} // namespace

int sc_main(int argc, char **argv)
{
    options_t o;
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    o.config.cycles = UNSET;
    o.config.seed = 1;
    o.memory.latency = 50, o.memory.interval = 1, o.memory.depth = 64;
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
