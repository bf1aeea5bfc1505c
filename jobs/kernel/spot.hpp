/*  spot.hpp - a boolean's result against its operands, point by point.
 *
 *  A result can be valid and still be wrong: OCCT may lose a solid or turn one
 *  inside out. Its volume has to lie where that of a union, difference or
 *  intersection can lie, and a few points in space have to be inside of it
 *  exactly when their places in the operands say so.  */

#ifndef FCJ_KERNEL_SPOT_HPP
#define FCJ_KERNEL_SPOT_HPP

#include "call.hpp"

namespace fcj {

enum class Boolean { Fuse, Cut, Common };

/*  "" or what is wrong. The first operand of a cut is what is cut from.
 *  Says nothing about shapes that are not solids.  */
std::string wrong_boolean (const Call &call, Boolean kind,
                           const std::vector<Operand> &operands,
                           const TopoDS_Shape &made);

} // namespace fcj

#endif
