/*  fault.hpp - why a step has no result, in words for who wrote the pipeline.
 *
 *  Thrown inside the kernel only; kernel.cpp turns it into the error of
 *  README.md "The result". `problem` is one of the words listed there.  */

#ifndef FCJ_KERNEL_FAULT_HPP
#define FCJ_KERNEL_FAULT_HPP

#include <string>
#include <vector>

namespace fcj {

enum class Blame { Invalid, Failure, Memory, Limit, Cancelled };

struct Fault {
    Blame blame;
    std::string problem;
    std::string message;
    std::string input = {};             /* "tools[17]", "" for none     */
    std::vector<std::string> details = {};
    int index = -1;                     /* of the step, once it is known */
    std::string step = {}, op = {};
};

std::string format (const char *text, ...)
    __attribute__ ((format (printf, 1, 2)));

/*  What was given is wrong.  */
[[noreturn]] void invalid (const char *problem, const std::string &message,
                           const std::string &input = "",
                           const std::vector<std::string> &details = {});

/*  It was tried and there is no usable result.  */
[[noreturn]] void failure (const char *problem, const std::string &message,
                           const std::string &input = "",
                           const std::vector<std::string> &details = {});

[[noreturn]] void cancelled ();

} // namespace fcj

#endif
