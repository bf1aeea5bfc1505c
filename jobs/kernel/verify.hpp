/*  verify.hpp - is a shape sound, and in words: what is not.  */

#ifndef FCJ_KERNEL_VERIFY_HPP
#define FCJ_KERNEL_VERIFY_HPP

#include "call.hpp"

#include <TopTools_ListOfShape.hxx>

namespace fcj {

struct Problem {
    std::string what;           /* "not_closed", "self_intersection"...  */
    std::string where;          /* "Face3", "" for the whole             */
    std::string text;           /* a sentence                            */
};

bool is_valid (const TopoDS_Shape &shape);

/*  What BRepCheck finds, at most `most` of them.  */
std::vector<Problem> problems_of (const TopoDS_Shape &shape, size_t most = 100);

/*  Self-intersections and such, by BOPAlgo_ArgumentAnalyzer: slow.  */
std::vector<Problem> intersections_of (const TopoDS_Shape &shape,
                                       const Message_ProgressRange &range,
                                       size_t most = 100);

std::vector<std::string> texts_of (const std::vector<Problem> &problems,
                                   size_t most = 5);
Json json_of (const std::vector<Problem> &problems);

/*  New topology over the same geometry, for algorithms that change what they
 *  are given: the operand may be used by later steps.  */
TopoDS_Shape copied (const TopoDS_Shape &shape);

/*  One try of ShapeFix; null when the result is not valid either.  */
TopoDS_Shape healed (const TopoDS_Shape &shape,
                     const Message_ProgressRange &range);

/*  Operands that are not valid are healed with a note, else a fault.  */
void require_valid (Call &call, std::vector<Operand> &operands);
void require_valid (Call &call, Operand &operand);

/*  Takes over a result: not null, not empty, valid, if need be healed; or
 *  the failure says what is wrong with it. `hint` ends the sentence.  */
void accept (Call &call, const TopoDS_Shape &shape, const char *hint = "");

/*  A compound of one shape is that shape.  */
TopoDS_Shape unwrapped (TopoDS_Shape shape);
bool has_any (const TopoDS_Shape &shape, TopAbs_ShapeEnum kind);
int count_of (const TopoDS_Shape &shape, TopAbs_ShapeEnum kind);
TopoDS_Shape compound_of (const std::vector<TopoDS_Shape> &shapes);

} // namespace fcj

#endif
