/*  value.hpp - what a step hands on: a shape, and how its parts look.  */

#ifndef FCJ_KERNEL_VALUE_HPP
#define FCJ_KERNEL_VALUE_HPP

#include "json.hpp"

#include <TopTools_ListOfShape.hxx>
#include <TopoDS_Shape.hxx>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace fcj {

/*  Name and colour of one part; a compound that is an assembly of parts.  */
struct Look {
    std::string name = {};
    bool colored = false;
    std::array<double, 3> color = {};   /* sRGB, 0..1                      */
    bool assembly = false;

    bool empty () const
    {
        return name.empty () && !colored && !assembly;
    }
};

/*  Looks hang on the part itself (its TShape), wherever it is placed. An
 *  instance in an assembly has one of its own: that of child n of a part. */
class Looks
{
  public:
    const Look *find (const TopoDS_Shape &part) const;
    const Look *find (const TopoDS_Shape &parent, int child) const;
    Look &at (const TopoDS_Shape &part);
    Look &at (const TopoDS_Shape &parent, int child);
    bool empty () const;
    void add (const Looks &other);

    /*  Parts of `old` that an operation made into others hand on their
     *  looks; what it left alone keeps them anyway.  */
    void follow (const TopoDS_Shape &old,
                 const std::function<const TopTools_ListOfShape &(
                     const TopoDS_Shape &)> &modified);

    /*  Forgets what is not in `shape`, so that no look outlives its part.  */
    void prune (const TopoDS_Shape &shape);

    /*  For the memo: parts are counted in the order of a walk.  */
    Json save (const TopoDS_Shape &shape) const;
    static Looks restore (const TopoDS_Shape &shape, json_t *saved);

  private:
    using Part = const void *;
    std::map<Part, Look> parts;
    std::map<std::pair<Part, int>, Look> instances;
};

struct Value {
    TopoDS_Shape shape;
    Looks looks;
    bool valid = false;             /* known to pass BRepCheck           */
    std::string key;                /* content, for the memo             */
};

/*  The parts of a shape in a fixed order, each TShape once, the shape first. */
std::vector<TopoDS_Shape> walk (const TopoDS_Shape &shape);

} // namespace fcj

#endif
