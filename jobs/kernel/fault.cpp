/*  fault.cpp - see fault.hpp.  */

#include "fault.hpp"

#include <cstdarg>
#include <cstdio>

namespace fcj {

static const size_t TEXT_MAX = 2048;

std::string format (const char *text, ...)
{
    char buffer[TEXT_MAX];
    va_list list;
    va_start (list, text);
    std::vsnprintf (buffer, sizeof buffer, text, list);
    va_end (list);
    return buffer;
}

void invalid (const char *problem, const std::string &message,
              const std::string &input, const std::vector<std::string> &details)
{
    throw Fault{Blame::Invalid, problem, message, input, details};
}

void failure (const char *problem, const std::string &message,
              const std::string &input, const std::vector<std::string> &details)
{
    throw Fault{Blame::Failure, problem, message, input, details};
}

void cancelled ()
{
    throw Fault{Blame::Cancelled, "cancelled", "cancelled inside the kernel"};
}

} // namespace fcj
