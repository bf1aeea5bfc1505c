/*  summary.hpp - a shape in numbers, as every shape summary of the service. */

#ifndef FCJ_KERNEL_SUMMARY_HPP
#define FCJ_KERNEL_SUMMARY_HPP

#include "json.hpp"

#include <Bnd_Box.hxx>
#include <TopoDS_Shape.hxx>
#include <gp_XYZ.hxx>

namespace fcj {

/*  Type and counts: costs next to nothing.  */
Json brief (const TopoDS_Shape &shape);

/*  Also volume, area, length, box, centre; `valid` when it is known.  */
Json summary (const TopoDS_Shape &shape, bool known_valid);

/*  Of the solids in it; 0 without.  */
double volume_of (const TopoDS_Shape &shape);

Json json_of (const gp_XYZ &xyz);
Json json_of (const Bnd_Box &box);

} // namespace fcj

#endif
