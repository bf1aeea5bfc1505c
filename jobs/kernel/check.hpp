/*  check.hpp - the arguments of one step against its table.  */

#ifndef FCJ_KERNEL_CHECK_HPP
#define FCJ_KERNEL_CHECK_HPP

#include "language.hpp"

namespace fcj {

/*  What a step may refer to, and what an omitted "shape" stands for.  */
struct Scope {
    std::function<bool (const std::string &)> known;
    std::string names;              /* of all, for the error text        */
    std::string previous;           /* "$id", "" for the first step      */
};

/*  A copy of `given` with defaults, every value checked and in its normal
 *  form (lists are lists, points have three numbers, numbers are reals), so
 *  that two ways to say the same have one memo key.  */
Json check_arguments (const Params &params, json_t *given, const Scope &scope,
                      const std::string &where);

} // namespace fcj

#endif
