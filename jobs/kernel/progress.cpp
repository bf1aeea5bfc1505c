/*  progress.cpp - see progress.hpp. OCCT calls Show() from any of its threads,
 *  thousands of times; a caller hears of every half per cent.  */

#include "progress.hpp"

#include <algorithm>

namespace fcj {

static const double STEP = 0.005;
static const double ALMOST = 0.999;     /* 1 is said by finish() only */

Indicator::Indicator (const fcj_kernel_hooks_t &hooks_,
                      const std::atomic<bool> &cancel_)
    : hooks (hooks_), cancel (cancel_)
{
}

void Indicator::tell (double fraction, bool always)
{
    if (!hooks.progress)
        return;
    std::lock_guard<std::mutex> guard (lock);
    fraction = std::max (last, fraction);
    if (!always && fraction < last + STEP)
        return;
    last = fraction;
    hooks.progress (hooks.argument, std::max (0.0, fraction),
                    message.c_str ());
}

void Indicator::Show (const Message_ProgressScope &, const Standard_Boolean)
{
    tell (std::min (GetPosition (), ALMOST), false);
}

void Indicator::say (const std::string &text)
{
    {
        std::lock_guard<std::mutex> guard (lock);
        message = text;
    }
    tell (last, true);
}

void Indicator::finish ()
{
    tell (1, true);
}

} // namespace fcj
