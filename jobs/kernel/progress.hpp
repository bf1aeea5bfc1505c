/*  progress.hpp - OCCT's progress and its question "go on?", made ours.  */

#ifndef FCJ_KERNEL_PROGRESS_HPP
#define FCJ_KERNEL_PROGRESS_HPP

#include "kernel.h"

#include <Message_ProgressIndicator.hxx>
#include <atomic>
#include <mutex>
#include <string>

namespace fcj {

class Indicator : public Message_ProgressIndicator
{
  public:
    Indicator (const fcj_kernel_hooks_t &hooks,
               const std::atomic<bool> &cancel);

    /*  What is being done from here on: "2/5 cut".  */
    void say (const std::string &text);

    /*  The last word of a run that succeeded.  */
    void finish ();

    bool broken () const
    {
        return cancel.load (std::memory_order_relaxed);
    }

  protected:
    Standard_Boolean UserBreak () override
    {
        return broken ();
    }
    void Show (const Message_ProgressScope &scope,
               const Standard_Boolean force) override;

  private:
    void tell (double fraction, bool always);

    const fcj_kernel_hooks_t &hooks;
    const std::atomic<bool> &cancel;
    std::mutex lock;
    std::string message;
    double last = -1;
};

} // namespace fcj

#endif
