/*  kernel.cpp - the C face of the kernel: nothing is thrown through it.  */

#include "kernel.h"
#include "fault.hpp"
#include "run.hpp"

#include <BRepMesh_IncrementalMesh.hxx>
#include <Standard_Version.hxx>
#include <cstdlib>
#include <cstring>

/*  Counts up when the same steps may give another result.  */
#define FCJ_KERNEL_REVISION "2"

struct _fcj_kernel_t {
    std::atomic<bool> cancel{false};
};

static_assert (std::atomic<bool>::is_always_lock_free,
               "fcj_kernel_cancel() is called by signal handlers");

fcj_kernel_t *fcj_kernel_new (void)
{
    return new (std::nothrow) fcj_kernel_t;
}

void fcj_kernel_destroy (fcj_kernel_t **self_p)
{
    delete *self_p;
    *self_p = nullptr;
}

void fcj_kernel_cancel (fcj_kernel_t *self)
{
    self->cancel.store (true, std::memory_order_relaxed);
}

void fcj_kernel_reset (fcj_kernel_t *self)
{
    self->cancel.store (false, std::memory_order_relaxed);
}

const char *fcj_kernel_version (void)
{
    return FCJ_KERNEL_REVISION "+occt" OCC_VERSION_COMPLETE;
}

static fcj_reason_t s_reason (const fcj::Fault &fault)
{
    switch (fault.blame) {
    case fcj::Blame::Invalid:
        return FCJ_INVALID;
    case fcj::Blame::Memory:
        return FCJ_MEMORY;
    case fcj::Blame::Limit:
        return FCJ_OUTPUT_LIMIT;
    default:
        return FCJ_EXCEPTION;
    }
}

/*  fcj_fail() of jobs/error.c, written out: this library stands alone.  */
static void s_fill (fcj_error_t *error, fcj_reason_t reason, const char *text)
{
    if (!error)
        return;
    error->reason = reason;
    error->retryable = false;
    std::snprintf (error->text, sizeof error->text, "%s", text);
}

static char *s_copy (const std::string &text)
{
    return strdup (text.c_str ());
}

fcj_kernel_end_t fcj_kernel_run (fcj_kernel_t *self, const char *pipeline,
                                 size_t size, const fcj_kernel_input_t *inputs,
                                 size_t inputs_count,
                                 const fcj_kernel_options_t *options,
                                 const fcj_kernel_hooks_t *hooks,
                                 char **result, fcj_error_t *error)
{
    static const fcj_kernel_options_t no_options = {};
    static const fcj_kernel_hooks_t no_hooks = {};
    fcj_kernel_end_t end = FCJ_KERNEL_FAILED;
    *result = nullptr;
    try {
        fcj::Json report = fcj::Json::object ();
        fcj::Fault fault{fcj::Blame::Failure, "internal", ""};
        end = fcj::run_pipeline ({std::string (pipeline, size), inputs,
                                  inputs_count, options ? options : &no_options,
                                  hooks ? hooks : &no_hooks, &self->cancel},
                                 report, fault);
        if (end != FCJ_KERNEL_COMPLETED)
            s_fill (error, s_reason (fault), fault.message.c_str ());
        else if (error)
            *error = fcj_error_t{};
        *result = s_copy (report.text (JSON_COMPACT | JSON_PRESERVE_ORDER));
    } catch (...) {
        s_fill (error, FCJ_MEMORY, "there is not enough memory for the result");
        *result = strdup ("{\"state\":\"failed\",\"steps\":[],\"files\":[],"
                          "\"error\":{\"type\":\"MemoryError\",\"reason\":"
                          "\"memory\",\"problem\":\"memory\",\"message\":"
                          "\"there is not enough memory for the result\"}}");
        end = FCJ_KERNEL_FAILED;
    }
    return end;
}

int fcj_kernel_check (const char *pipeline, size_t size,
                      const char *const *names, size_t names_count,
                      fcj_error_t *error)
{
    try {
        std::set<std::string> known;
        for (size_t at = 0; at < names_count; at++)
            known.insert (names[at]);
        fcj::read_plan (pipeline, size, known);
        return 0;
    } catch (fcj::Fault &fault) {
        const std::string text =
            fault.index < 0 ? fault.message
                            : "step " + fault.step + ": " + fault.message;
        s_fill (error, FCJ_INVALID, text.c_str ());
    } catch (...) {
        s_fill (error, FCJ_MEMORY, "there is not enough memory");
    }
    return -1;
}
