/*  plan.hpp - a pipeline that was checked: steps with all defaults filled in.  */

#ifndef FCJ_KERNEL_PLAN_HPP
#define FCJ_KERNEL_PLAN_HPP

#include "language.hpp"

#include <set>

namespace fcj {

struct Step {
    int index;
    std::string id;
    const Op *op;
    Json arguments;
};

struct Plan {
    std::vector<Step> steps;
    int result = -1;            /* index of the step, -1: the last shape  */
    bool memo = true;
    int threads = 0;            /* 0: what the caller allows              */
};

/*  "$part.Face3": name "part", kind "Face", number 3; kind "" for all.  */
struct Reference {
    std::string name = {}, kind = {};
    int number = 0;
};

/*  Throws a Fault that names step and parameter.  */
Plan read_plan (const char *text, size_t size,
                const std::set<std::string> &inputs);

/*  False when it is not written like a reference.  */
bool read_reference (const std::string &text, Reference &made);

bool good_name (const std::string &name);

} // namespace fcj

#endif
