/*  summary.hpp - a shape in numbers, as every shape summary of the service. */

#ifndef FCJ_KERNEL_SUMMARY_HPP
#define FCJ_KERNEL_SUMMARY_HPP

#include "json.hpp"

#include <Bnd_Box.hxx>
#include <GProp_GProps.hxx>
#include <TopoDS_Shape.hxx>
#include <gp_XYZ.hxx>
#include <map>

namespace fcj {

/*  Type and counts: costs next to nothing.  */
Json brief (const TopoDS_Shape &shape);

/*  A volume is an integral over every face: a shape's is taken once in a run,
 *  and copies of it elsewhere have the same.  */
class Volumes
{
  public:
    /*  Of the solids in it; 0 without.  */
    double of (const TopoDS_Shape &shape);
    GProp_GProps measured (const TopoDS_Shape &shape);

  private:
    struct Known {
        TopoDS_Shape shape;
        GProp_GProps volume;
    };
    std::map<std::pair<const void *, int>, Known> all;
};

/*  Also volume, area, length, box, centre; `valid` when it is known.  */
Json summary (const TopoDS_Shape &shape, bool known_valid, Volumes &volumes);

/*  Of the solids in it; 0 without.  */
double volume_of (const TopoDS_Shape &shape);

Json json_of (const gp_XYZ &xyz);
Json json_of (const Bnd_Box &box);

} // namespace fcj

#endif
