/*  mesh.hpp - triangles of a shape, and the formats that hold them.  */

#ifndef FCJ_KERNEL_MESH_HPP
#define FCJ_KERNEL_MESH_HPP

#include "call.hpp"

namespace fcj {

/*  linear, angular, relative.  */
Params mesh_params ();

/*  Triangulates in place as the step says; throws when a face has no mesh. */
void mesh (Call &call, const TopoDS_Shape &shape, double share);

bool is_mesh_format (const std::string &format);

/*  "part.glb" -> "glb"; throws when the ending is none of `known`.  */
std::string format_of (const std::string &file,
                       const std::vector<std::string> &known);

/*  A shape that has triangles; writes further files as the format needs.  */
void write_mesh (Call &call, const TopoDS_Shape &shape, const Looks &looks,
                 const std::string &file, const std::string &format,
                 bool ascii);

} // namespace fcj

#endif
