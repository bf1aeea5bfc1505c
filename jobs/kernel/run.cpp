/*  run.cpp - see run.hpp. Steps run in order; what each made is kept under its
 *  name until the end. Progress is weighted by what an op usually costs.  */

#include "run.hpp"
#include "memo.hpp"
#include "summary.hpp"
#include "../limits.h"

#include <Message.hxx>
#include <Message_Messenger.hxx>
#include <OSD_Parallel.hxx>
#include <OSD_ThreadPool.hxx>
#include <Standard_ErrorHandler.hxx>
#include <Standard_OutOfMemory.hxx>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

namespace fcj {

static const double INPUT_WEIGHT = 3, REPORT_WEIGHT = 2;

using Clock = std::chrono::steady_clock;

static long long s_ms (Clock::time_point since)
{
    return std::chrono::duration_cast<std::chrono::milliseconds> (
               Clock::now () - since)
        .count ();
}

/* ---- OCCT's own state, for the time of a run ---------------------------- */

/*  OCCT writes to standard output, and its threads are everybody's: silence,
 *  and its own pool with as many threads as allowed; put back afterwards.  */
class House
{
  public:
    explicit House (int threads) : external (!OSD_Parallel::ToUseOcctThreads ())
    {
        Message_SequenceOfPrinters &all =
            Message::DefaultMessenger ()->ChangePrinters ();
        printers = all;
        all.Clear ();
        OSD_Parallel::SetUseOcctThreads (true);
        const Handle (OSD_ThreadPool) &pool =
            OSD_ThreadPool::DefaultPool (threads);
        if (pool->NbThreads () != threads && !pool->IsInUse ())
            pool->Init (threads);
        pool->SetNbDefaultThreadsToLaunch (threads);
    }
    ~House ()
    {
        Message::DefaultMessenger ()->ChangePrinters () = printers;
        OSD_Parallel::SetUseOcctThreads (!external);
    }

  private:
    Message_SequenceOfPrinters printers;
    bool external;
};

/* ---- Inputs ------------------------------------------------------------- */

static std::string s_read_fd (const fcj_kernel_input_t &input)
{
    struct stat status;
    if (fstat (input.fd, &status) != 0 || !S_ISREG (status.st_mode))
        invalid ("file", std::string ("input ") + input.name +
                             " is not a regular file", input.name);
    if (status.st_size > FCJ_ARTIFACT_MAX)
        invalid ("limit", format ("input %s has %lld bytes, at most %lld are "
                                  "allowed", input.name,
                                  (long long) status.st_size,
                                  (long long) FCJ_ARTIFACT_MAX), input.name);
    std::string bytes ((size_t) status.st_size, '\0');
    size_t done = 0;
    while (done < bytes.size ()) {
        ssize_t got = pread (input.fd, &bytes[done], bytes.size () - done,
                             (off_t) done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            invalid ("file", format ("input %s can't be read: %s", input.name,
                                     std::strerror (errno)), input.name);
        if (got == 0)
            break;
        done += (size_t) got;
    }
    bytes.resize (done);
    return bytes;
}

static std::set<std::string> s_names (const Task &task)
{
    std::set<std::string> names;
    if (task.inputs_count > FCJ_INPUTS_MAX)
        invalid ("limit", format ("%zu inputs, at most %d are allowed",
                                  task.inputs_count, FCJ_INPUTS_MAX));
    for (size_t at = 0; at < task.inputs_count; at++) {
        const char *name = task.inputs[at].name;
        if (!name || !good_name (name))
            invalid ("argument", "the name of an input must be letters, "
                                 "digits, _ and -, at most 64, beginning with "
                                 "a letter");
        if (!names.insert (name).second)
            invalid ("argument", std::string ("two inputs have the name ") +
                                     name, name);
    }
    return names;
}

static void s_read_inputs (const Task &task, Run &run)
{
    for (size_t at = 0; at < task.inputs_count; at++) {
        const fcj_kernel_input_t &input = task.inputs[at];
        run.bytes[input.name] =
            input.data ? std::string ((const char *) input.data, input.size)
                       : s_read_fd (input);
        run.formats[input.name] = input.format ? input.format : "";
        run.values[input.name].key = sha256_hex (
            run.formats[input.name] + "\n" + run.bytes[input.name]);
    }
}

/*  Inputs that a step refers to directly; op load reads its own.  */
static std::vector<std::string> s_direct_inputs (const Run &run)
{
    std::set<std::string> names;
    for (const Step &step : run.plan.steps)
        if (step.op->name != "load")
            each_reference (step.op->params, step.arguments.get (),
                            [&] (const std::string &text) {
                                Reference reference;
                                read_reference (text, reference);
                                if (run.bytes.count (reference.name))
                                    names.insert (reference.name);
                                return text;
                            });
    return std::vector<std::string> (names.begin (), names.end ());
}

static void s_load_inputs (Run &run, const std::vector<std::string> &names,
                           Message_ProgressScope &scope)
{
    for (const std::string &name : names) {
        run.indicator->say ("input " + name + ": loading");
        Value value = load_input (run, name, run.formats[name], Reading (),
                                  scope.Next (INPUT_WEIGHT));
        value.key = run.values[name].key;
        run.values[name] = value;
    }
}

/* ---- What goes wrong ---------------------------------------------------- */

/*  Runs `work`; every exception comes out as a Fault.  */
template <class Work> static void s_contained (const char *what, Work work)
{
    try {
        OCC_CATCH_SIGNALS
        work ();
    } catch (Fault &) {
        throw;
    } catch (std::bad_alloc &) {
        throw Fault{Blame::Memory, "memory", "there is not enough memory"};
    } catch (Standard_OutOfMemory &) {
        throw Fault{Blame::Memory, "memory", "there is not enough memory"};
    } catch (Standard_Failure &error) {
        const char *text = error.GetMessageString ();
        failure ("algorithm",
                 std::string ("OpenCASCADE gave up (") +
                     error.DynamicType ()->Name () +
                     (text && *text ? std::string (": ") + text : "") +
                     ") in " + what +
                     "; op check on its inputs may say what disturbs it");
    } catch (std::exception &error) {
        failure ("internal", std::string ("unexpected error in ") + what +
                                 ": " + error.what ());
    }
}

/* ---- Steps -------------------------------------------------------------- */

static bool s_from_memo (Run &run, const std::string &key, Call &call)
{
    void *data = nullptr;
    size_t size = 0;
    if (!run.hooks->lookup ||
        run.hooks->lookup (run.hooks->argument, key.c_str (), &data, &size))
        return false;
    bool good = false;
    try {
        good = memo_unpack (key, (const char *) data, size, call);
    } catch (Standard_Failure &) {
    }
    std::free (data);
    if (!good && run.hooks->reject)
        run.hooks->reject (run.hooks->argument, key.c_str ());
    return good;
}

/*  "hit", "stored", "computed" or "off".  */
static const char *s_compute (Run &run, const Step &step, Call &call)
{
    const bool memo = run.plan.memo && run.options->memo;
    const std::string key = memo_key (run, step);
    const char *how = memo ? "computed" : "off";
    if (memo && step.op->memo && s_from_memo (run, key, call))
        how = "hit";
    else {
        const Clock::time_point start = Clock::now ();
        step.op->run (call);
        call.poll ();
        call.made.looks.prune (call.made.shape);
        if (memo && step.op->memo && run.hooks->store &&
            !call.made.shape.IsNull () &&
            s_ms (start) >= run.options->memo_min_ms) {
            const std::string entry = memo_pack (key, call);
            run.hooks->store (run.hooks->argument, key.c_str (), entry.data (),
                              entry.size ());
            how = "stored";
        }
    }
    if (step.op->emit)
        step.op->emit (call);
    call.made.key = key;
    return how;
}

static Json s_step (Run &run, const Step &step, Message_ProgressScope &scope)
{
    const Clock::time_point start = Clock::now ();
    run.indicator->say (format ("%d/%zu %s", step.index + 1,
                                run.plan.steps.size (), step.op->name.c_str ()));
    Json record =
        Json::object ().set ("id", step.id).set ("op", step.op->name);
    Call call (run, step, scope.Next (step.op->weight));
    const char *memo = "";
    s_contained (step.op->name.c_str (),
                 [&] { memo = s_compute (run, step, call); });
    record.set ("ms", s_ms (start)).set ("memo", memo);
    if (!call.made.shape.IsNull ())
        record.set ("shape", brief (call.made.shape));
    if (!call.data.empty ())
        record.set ("data", call.data);
    if (!call.files.empty ())
        record.set ("files", call.files);
    if (!call.notes.empty ())
        record.set ("notes", call.notes);
    run.values[step.id] = call.made;
    return record;
}

static void s_steps (Run &run, Json &records)
{
    const std::vector<std::string> inputs = s_direct_inputs (run);
    double total = REPORT_WEIGHT + INPUT_WEIGHT * (double) inputs.size ();
    for (const Step &step : run.plan.steps)
        total += step.op->weight;
    Message_ProgressScope scope (run.indicator->Start (), "", total);
    s_contained ("loading the inputs",
                 [&] { s_load_inputs (run, inputs, scope); });
    for (const Step &step : run.plan.steps) {
        if (run.indicator->broken ())
            cancelled ();
        try {
            records.append (s_step (run, step, scope));
        } catch (Fault &fault) {
            fault.index = step.index;
            fault.step = step.id;
            fault.op = step.op->name;
            throw;
        }
    }
}

/* ---- The report --------------------------------------------------------- */

static void s_result (Run &run, Json &report)
{
    const std::vector<Step> &steps = run.plan.steps;
    const Step &step = steps[run.plan.result >= 0 ? (size_t) run.plan.result
                                                  : steps.size () - 1];
    const Value &value = run.values[step.id];
    Json made = Json::object ().set ("step", step.id);
    if (!value.shape.IsNull ()) {
        run.indicator->say ("measuring the result");
        made.set ("shape", summary (value.shape, value.valid, run.volumes));
        if (run.options->result_file && run.options->directory) {
            const std::string name = run.options->result_file;
            write_brep (value.shape,
                        std::string (run.options->directory) + "/" + name);
            if (run.hooks->artifact)
                run.hooks->artifact (run.hooks->argument, name.c_str (),
                                     "model/vnd.opencascade.brep");
        }
    }
    report.set ("result", made);
}

static void s_files (const Run &run, Json &report)
{
    Json files = Json::array ();
    for (const File &file : run.files)
        files.append (Json::object ()
                          .set ("name", file.name)
                          .set ("format", file.format)
                          .set ("mime", file.mime)
                          .set ("size", file.size)
                          .set ("step", file.step));
    report.set ("files", files);
}

static const char *s_type (Blame blame)
{
    return blame == Blame::Invalid     ? "Invalid"
           : blame == Blame::Failure   ? "Failure"
           : blame == Blame::Memory    ? "MemoryError"
           : blame == Blame::Limit     ? "Limit"
                                       : "Cancelled";
}

static Json s_error (const Fault &fault)
{
    Json made = Json::object ().set ("type", s_type (fault.blame));
    made.set ("reason", fault.blame == Blame::Invalid     ? "invalid"
                        : fault.blame == Blame::Failure   ? "exception"
                        : fault.blame == Blame::Memory    ? "memory"
                        : fault.blame == Blame::Limit     ? "output_limit"
                                                          : "cancelled");
    if (fault.index >= 0)
        made.set ("step", fault.step)
            .set ("index", fault.index)
            .set ("op", fault.op);
    if (!fault.input.empty ())
        made.set ("input", fault.input);
    Json details = Json::array ();
    for (const std::string &text : fault.details)
        details.append (text);
    return made.set ("problem", fault.problem)
        .set ("message", fault.message)
        .set ("details", details);
}

/*  A file that was cut at its limit; "" when there is none.  */
static std::string s_too_large (const Run &run)
{
    std::error_code none;
    if (!run.options->directory || !run.options->file_max)
        return "";
    for (const auto &file : std::filesystem::directory_iterator (
             run.options->directory, none))
        if (file.file_size (none) > (std::uintmax_t) run.options->file_max
            && !none)
            return file.path ().filename ().string ();
    return "";
}

/*  A writer knows only that it failed: why, the file shows.  */
static void s_blame_limit (const Run &run, Fault &fault)
{
    const std::string name = fault.blame == Blame::Failure
                                 ? s_too_large (run) : "";
    if (name.empty ())
        return;
    fault.blame = Blame::Limit;
    fault.problem = "file_size";
    fault.message = format (
        "%s would be larger than the %lld bytes that a file may have "
        "(artifact-max); export fewer shapes, a coarser mesh or a smaller "
        "format (bin, glb)", name.c_str (), run.options->file_max);
}

/*  The sentence for people says where.  */
static void s_name_step (Fault &fault)
{
    if (fault.index < 0)
        return;
    fault.message = "step " + fault.step +
                    (fault.op.empty () ? "" : " (" + fault.op + ")") + ": " +
                    fault.message;
}

fcj_kernel_end_t run_pipeline (const Task &task, Json &report, Fault &fault)
{
    static std::mutex one_at_a_time;
    std::lock_guard<std::mutex> guard (one_at_a_time);
    const Clock::time_point start = Clock::now ();
    fcj_kernel_end_t end = FCJ_KERNEL_COMPLETED;
    Json records = Json::array ();
    Run run;
    run.options = task.options;
    run.hooks = task.hooks;
    run.indicator = new Indicator (*task.hooks, *task.cancel);
    run.threads = std::clamp (task.options->threads, 1, FCJ_KERNEL_THREADS_MAX);
    try {
        run.plan = read_plan (task.pipeline.data (), task.pipeline.size (),
                              s_names (task));
        if (run.plan.threads)
            run.threads = std::min (run.threads, run.plan.threads);
        House house (run.threads);
        s_read_inputs (task, run);
        s_steps (run, records);
        s_contained ("measuring the result", [&] { s_result (run, report); });
        if (run.indicator->broken ())
            cancelled ();
        run.indicator->finish ();
    } catch (Fault &thrown) {
        fault = thrown;
        end = FCJ_KERNEL_FAILED;
        s_blame_limit (run, fault);
        if (run.indicator->broken ()) {
            fault.blame = Blame::Cancelled;
            fault.problem = "cancelled";
            fault.message = "cancelled inside the kernel";
        }
        if (fault.blame == Blame::Cancelled)
            end = FCJ_KERNEL_CANCELLED;
        s_name_step (fault);
        report.set ("error", s_error (fault));
    }
    report.set ("kernel", fcj_kernel_version ());
    report.set ("state", end == FCJ_KERNEL_COMPLETED ? "completed"
                         : end == FCJ_KERNEL_FAILED  ? "failed"
                                                     : "cancelled");
    report.set ("threads", run.threads).set ("steps", records);
    s_files (run, report);
    report.set ("ms", s_ms (start));
    return end;
}

} // namespace fcj
