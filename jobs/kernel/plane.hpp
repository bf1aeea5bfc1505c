/*  plane.hpp - what lies in a plane: outlines and the faces in them.  */

#ifndef FCJ_KERNEL_PLANE_HPP
#define FCJ_KERNEL_PLANE_HPP

#include "call.hpp"

#include <gp_Pln.hxx>

namespace fcj {

/*  The faces in these closed wires of a plane, as a compound; a wire inside
 *  another is its hole.  */
TopoDS_Shape faces_in (const TopoDS_Shape &wires, const gp_Pln &plane);

/*  The operand lies in the plane, or it is to blame.  */
void require_in_plane (const Operand &operand, const gp_Pln &plane);

/*  A face has an area: not all of its outline is on one line.  */
void require_area (const TopoDS_Shape &face, const std::string &where);

} // namespace fcj

#endif
