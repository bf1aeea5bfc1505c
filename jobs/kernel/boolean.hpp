/*  boolean.hpp - what the boolean operations share, for whoever unites or
 *  splits.  */

#ifndef FCJ_KERNEL_BOOLEAN_HPP
#define FCJ_KERNEL_BOOLEAN_HPP

#include "call.hpp"

#include <BRepAlgoAPI_BuilderAlgo.hxx>
#include <Message_Report.hxx>

namespace fcj {

/*  fuzzy, glue, unify.  */
Params boolean_params ();

/*  As the step says: threads, fuzzy, glue; operands are left as they are.  */
void configure (const Call &call, BRepAlgoAPI_BuilderAlgo &builder,
                double fuzzy);

TopTools_ListOfShape list_of (const std::vector<Operand> &operands);

/*  OCCT's own alerts as text, "" without.  */
std::string alerts_of (const Handle (Message_Report) & report);

/*  Blames the operand that intersects itself, when there is one; else fails
 *  with `problem` and `text`.  */
[[noreturn]] void blame (Call &call, const std::vector<Operand> &operands,
                         const char *problem, const std::string &text);

/*  Unites operands that were made valid; sets call.made.  */
void fuse (Call &call, std::vector<Operand> operands);

/*  Faces of one surface, edges of one curve become one. Leaves the shape as
 *  it is, with a note, when that goes wrong.  */
TopoDS_Shape unify (Call &call, const TopoDS_Shape &shape);

} // namespace fcj

#endif
