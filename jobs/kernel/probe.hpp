/*  probe.hpp - points on the surface of a result, and what has to hold there.
 *
 *  BRepCheck looks at parts and at how they hang together. It does not see a
 *  sweep that runs through itself, a solid that is flat, or an offset that
 *  was turned inside out on its way through the middle: they are sound by all
 *  it knows. Points on the surface do: just under it is inside, just above it
 *  is outside, and an offset face has its distance from where it came.  */

#ifndef FCJ_KERNEL_PROBE_HPP
#define FCJ_KERNEL_PROBE_HPP

#include "call.hpp"

#include <gp_Dir.hxx>

namespace fcj {

struct Probe {
    gp_Pnt point;
    gp_Dir out;                 /* of the face, away from the material */
};

/*  Points inside the faces of a shape, spread over it, about `most`.  */
std::vector<Probe> probes_of (const TopoDS_Shape &shape, size_t most);

/*  Each solid of a result has a volume, or the step fails. `hint` ends the
 *  sentence.  */
void require_volume (const TopoDS_Shape &shape, const char *hint);

/*  And its surface has the inside on one side, the outside on the other.  */
void require_body (const Call &call, const TopoDS_Shape &shape,
                   const char *hint);

/*  No probe is nearer to the faces `from` than `least`, for offsets; or the
 *  step fails and blames `where`.  */
void require_distance (const Call &call, const std::vector<Probe> &probes,
                       const TopoDS_Shape &from, double least,
                       const std::string &where);

} // namespace fcj

#endif
