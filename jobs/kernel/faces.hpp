/*  faces.hpp - faces with many holes, made quick to check.
 *
 *  BRepCheck compares every wire of a face with every other: with four hundred
 *  holes it takes as long as it took to cut them. Holes that are apart by
 *  their boxes can neither cross nor hold one another, so the face is checked
 *  as several: each has the outline and a group of the holes, and holes that
 *  may touch are in one group. All that BRepCheck asks is asked.  */

#ifndef FCJ_KERNEL_FACES_HPP
#define FCJ_KERNEL_FACES_HPP

#include <TopoDS_Shape.hxx>

namespace fcj {

/*  A face has so many wires that grouping them pays.  */
bool has_many_wires (const TopoDS_Shape &shape);

/*  As BRepCheck_Analyzer's IsValid(), for a shape that has_many_wires().  */
bool is_valid_by_groups (const TopoDS_Shape &shape, bool parallel);

} // namespace fcj

#endif
