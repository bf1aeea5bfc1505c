/*  run.hpp - one pipeline from its text to its result.  */

#ifndef FCJ_KERNEL_RUN_HPP
#define FCJ_KERNEL_RUN_HPP

#include "call.hpp"

namespace fcj {

/*  What fcj_kernel_run() was given.  */
struct Task {
    std::string pipeline;
    const fcj_kernel_input_t *inputs;
    size_t inputs_count;
    const fcj_kernel_options_t *options;
    const fcj_kernel_hooks_t *hooks;
    const std::atomic<bool> *cancel;
};

/*  Never throws but for std::bad_alloc outside of the steps: what went wrong
 *  is in `report` and, with blame, in `fault`.  */
fcj_kernel_end_t run_pipeline (const Task &task, Json &report, Fault &fault);

/*  How an input is read.  */
struct Reading {
    bool sew = true;            /* STL: to a shell or solid              */
    bool damaged = false;       /* STEP: go on in spite of bad entities  */
};

/*  The bytes of an input as a shape; used by op load as well. Defined in
 *  ops_file.cpp.  */
Value load_input (Run &run, const std::string &name, const std::string &format,
                  Reading how, const Message_ProgressRange &range);

/*  Defined in ops_file.cpp.  */
void write_brep (const TopoDS_Shape &shape, const std::string &path);

} // namespace fcj

#endif
